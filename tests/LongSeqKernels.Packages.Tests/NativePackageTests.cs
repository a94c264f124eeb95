using System.Runtime.InteropServices;
using LongSeqKernels.Native;
using LongSeqKernels.Tests;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The packages of the native library, packed from the emulated one: used by fresh projects, and never under a version that could be published.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class NativePackageTests
{
    private const string Machine = "linux-x64";

    [OneTimeSetUp]
    public void TheLibraryIsThere()
    {
        EmulatedLibrary.Require(nameof(NativePackageTests));
        if (RuntimeInformation.RuntimeIdentifier is var here && !(OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture == Architecture.X64))
        {
            Assert.Ignore($"{nameof(NativePackageTests)} was NOT RUN: there is no package for {here}, only for {Machine}.");
        }
    }

    /// <summary>By the package for this machine, in an application for any machine; and by the one for all machines, in an application for this one.</summary>
    [TestCase("LongSeqKernels.Native." + Machine, "")]
    [TestCase("LongSeqKernels.Native", $"<RuntimeIdentifier>{Machine}</RuntimeIdentifier>")]
    public void FreshProjectAttendsOnTheNativeBackend(string id, string properties)
    {
        var project = new FreshProject(id + ".Use", Program, properties, (id, Feed.NativeVersion));
        project.Build().Expected();

        Assert.That(project.Start((LongSeqNative.EmulatorVariable, "1")).Expected(), Does.Contain("native").And.Contain("largest difference"));
        if (LongSeqNative.LoadReport.IsEmulated)
        {
            Assert.That(project.Start().Output, Does.Contain("runs its kernels on an emulator, for tests only"));
        }
    }

    [Test]
    public void ProjectWithoutARuntimeIdentifierIsToldThatItGetsNoLibrary()
    {
        var project = new FreshProject("NoRuntimeIdentifier", Program, "", ("LongSeqKernels.Native", Feed.NativeVersion));

        Assert.That(project.Build().Output, Does.Contain("LSK1001").And.Contain("-r linux-x64"));
    }

    [Test]
    public void MetaPackageNamesThePackageOfEachMachine()
    {
        using var package = new PackageFile(Path.Combine(Feed.Folder, $"LongSeqKernels.Native.{Feed.NativeVersion}.nupkg"));

        Assert.That(package.Files, Is.EquivalentTo(["LICENSE", "README.md", "icon.png", "buildTransitive/LongSeqKernels.Native.targets", "runtime.json"]));
        Assert.That(package.Text("runtime.json"), Does.Contain($"\"{Machine}\": {{ \"LongSeqKernels.Native\": {{ \"LongSeqKernels.Native.{Machine}\": \"[{Feed.NativeVersion}]\""));
        Assert.That(package.Dependencies, Is.EqualTo([new Dependency("LongSeqKernels", $"[{Feed.Version}]")]));
    }

    [Test]
    public void EmulatedLibraryIsNeverPackedAsARelease()
    {
        if (!LongSeqNative.LoadReport.IsEmulated)
        {
            Assert.Ignore("The library that LONGSEQKERNELS_NATIVE_PATH names has CUDA kernels.");
        }
        string folder = Feed.NewFolder("release");
        Feed.Pack(Project, folder, LongSeqNative.LoadReport.Path, $"-p:PackageVersion={Repository.VersionPrefix}").Expected();

        using var package = new PackageFile(Directory.GetFiles(folder).Single());
        Assert.That(package.Value("version"), Is.EqualTo(Feed.NativeVersion).And.EndWith(".emulated"), "whatever version is asked for");
        Assert.That(package.Value("description"), Does.StartWith("FOR TESTS ONLY"));
    }

    [Test]
    public void PackingWithoutALibrarySaysWhatToDo()
    {
        Run run = Feed.Pack(Project, Feed.NewFolder("nothing"), "/no/such/liblongseqkernels_abi1.so");

        Assert.That(run.ExitCode, Is.Not.Zero);
        Assert.That(run.Output, Does.Contain("LSK0005").And.Contain("/no/such/liblongseqkernels_abi1.so does not exist").And.Contain("cmake --preset cuda").And.Contain("LskNativeLibrary=none"));
    }

    [Test]
    public void PackingALibraryOfAnotherAbiSaysWhatItMustBe()
    {
        string other = Path.Combine(Feed.NewFolder("other"), "liblongseqkernels_abi0.so");
        File.WriteAllText(other, "");

        Run run = Feed.Pack(Project, Feed.NewFolder("nothing"), other);

        Assert.That(run.ExitCode, Is.Not.Zero);
        Assert.That(run.Output, Does.Contain("LSK0006").And.Contain(other).And.Contain("must be called liblongseqkernels_abi1.so"));
    }

    private static string Project => $"src/LongSeqKernels.Native.{Machine}/LongSeqKernels.Native.{Machine}.csproj";

    private static string Program => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Programs", "NativeCrossAttention.cs"));
}

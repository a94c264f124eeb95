using LongSeqKernels.Interop;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The package that is published: with the library that nvcc compiled, where this repository has built it. Its kernels need a GPU, its file does not.</summary>
public sealed class CudaPackageTests
{
    private const long MaxLibraryBytes = 100L << 20;

    // Galleries refuse packages above 250 MB.
    private const long MaxPackageBytes = 72L << 20;

    // The oldest that RHEL 9, Ubuntu 22.04, Debian 12 and Amazon Linux 2023 have in common.
    private static readonly Version NewestGlibc = new(2, 34);

    private static readonly string[] OfTheMachine = ["ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1"];

    private string _library = "";
    private PackageFile _package = null!;

    [OneTimeSetUp]
    public void PackTheCudaLibrary()
    {
        string built = Path.Combine(Repository.Root, "build", "cuda", "native", $"lib{Lsk.Library}.so");
        if (!File.Exists(built))
        {
            Assert.Ignore($"{nameof(CudaPackageTests)} was NOT RUN: {built} does not exist (cmake --preset cuda, then cmake --build build/cuda).");
        }
        string folder = Feed.NewFolder("cuda");
        Feed.Pack("src/LongSeqKernels.Native.linux-x64/LongSeqKernels.Native.linux-x64.csproj", folder, built).Expected();
        _package = new PackageFile(Path.Combine(folder, $"LongSeqKernels.Native.linux-x64.{Feed.Version}.nupkg"));
        _library = Path.Combine(folder, $"lib{Lsk.Library}.so");
        File.WriteAllBytes(_library, _package.Bytes(LibraryInPackage));
    }

    [OneTimeTearDown]
    public void CloseThePackage() => _package?.Dispose();

    [Test]
    public void PackageHoldsTheLibraryAndItsDocuments()
    {
        Assert.That(_package.Files, Is.EquivalentTo(["LICENSE", "README.md", "THIRD-PARTY-NOTICES.txt", "icon.png", LibraryInPackage]));
        Assert.That(_package.Dependencies, Is.EqualTo([new Dependency("LongSeqKernels", $"[{Feed.Version}]")]), "the ABI is that of this version");
        Assert.That(_package.Value("license"), Is.EqualTo("Apache-2.0"));
        Assert.That(_package.Value("description"), Does.StartWith("The CUDA kernels"));
    }

    [Test]
    public void SizesAreWithinTheirBudgets()
    {
        Assert.That(new FileInfo(_library).Length, Is.LessThan(MaxLibraryBytes));
        Assert.That(new FileInfo(_package.Path).Length, Is.LessThan(MaxPackageBytes));
    }

    [Test]
    public void LibraryNeedsNothingButTheMachinesOwn()
    {
        ElfFile elf = Read();

        Assert.That(elf.Machine, Does.Contain("X86-64"));
        Assert.That(elf.SoName, Is.EqualTo($"lib{Lsk.Library}.so"));
        Assert.That(elf.Needed, Is.SubsetOf(OfTheMachine), "the CUDA runtime and the C++ library are inside, as the notices say");
    }

    [Test]
    public void LibrarySearchesItsOwnFolderOnly() => Assert.That(Read().RunPath, Is.AnyOf("", "$ORIGIN"));

    [Test]
    public void LibraryLoadsWithTheGlibcOfTheReadme()
    {
        Assert.That(Read().NewestGlibc, Is.AtMost(NewestGlibc));
        Assert.That(_package.Text("README.md"), Does.Contain($"glibc {NewestGlibc} or newer"));
    }

    private static string LibraryInPackage => $"runtimes/linux-x64/native/lib{Lsk.Library}.so";

    private ElfFile Read()
    {
        if (!ElfFile.TryRead(_library, out ElfFile? elf))
        {
            Assert.Ignore("readelf (binutils) is not installed: what the library needs was not looked at.");
        }
        return elf;
    }
}

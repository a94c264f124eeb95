using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using LongSeqKernels.Interop;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// Files that cannot be the native library: each is refused with the message that the troubleshooting page shows, and none harms the process. Some lie
/// beside the tests for a moment, so nothing else may run beside them.
/// </summary>
[NonParallelizable]
public sealed class LoaderMessageTests
{
    private string _folder = "";

    private string PathOf(string name) => Path.Combine(_folder, name);

    [OneTimeSetUp]
    public void TheMachineIsTheDocumentsMachine()
    {
        if (RuntimeInformation.RuntimeIdentifier != "linux-x64")
        {
            Assert.Ignore($"{nameof(LoaderMessageTests)} was NOT RUN: the messages are those of linux-x64, and this is {RuntimeInformation.RuntimeIdentifier}.");
        }
    }

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("lsk loading ").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void AFileThatIsNotThere() => AssertSays("not-there", PathOf("library.so"));

    [Test]
    public void NoFileInTheUsualPlaces()
    {
        EmulatedLibrary.Require(nameof(NoFileInTheUsualPlaces));
        // A process that has loaded the library finds it by its name.
        InNewProcess(nameof(NoFileInTheUsualPlaces), () =>
        {
            NativeLoadReport report = NativeLoader.Load(null).Report;

            Troubleshooting.AssertSays("nowhere", report.ToString());
            Assert.That(report.Trace, Does.Contain(AppContext.BaseDirectory), "every name that was tried");
        });
    }

    [Test]
    public void AFolder() => AssertSays("folder", _folder);

    [Test]
    public void AnEmptyFile() => AssertSays("empty", Write([]));

    [Test]
    public void AText() => AssertSays("no-library", Write("not a library"u8));

    [Test]
    public void ALibraryForWindows() => AssertSays("windows", Write("MZ and so on"u8));

    [Test]
    public void AHeaderThatIsCutOff() => AssertSays("cut-off-header", Write(Library().AsSpan(0, 20)));

    [TestCase(64)]
    [TestCase(1000)]
    [TestCase(60_000)]
    public void ALibraryThatIsCutOff(int bytes)
    {
        byte[] library = Library();
        string path = Write(library.AsSpan(0, bytes));
        string message = NativeLoader.Load(path).Report.ToString();

        // The loader would have ended the process with SIGBUS.
        int needed = int.Parse(message.Split("at least ")[1].Split(' ')[0]);
        Assert.That(needed, Is.InRange(bytes + 1, library.Length));
        Troubleshooting.AssertSays("cut-off", message, (path, "PATH"), ($"{bytes} of at least {needed} bytes", "N of at least M bytes"));
    }

    [Test]
    public void ALibraryOfAnotherProcessor()
    {
        byte[] library = Library();
        library[18] = 183;
        AssertSays("other-processor", Write(library));
        (library[18], library[19]) = (0xfe, 0xff);
        Assert.That(NativeLoader.Load(Write(library)).Report.Error, Is.EqualTo("it is made for ELF machine 65534; this process needs x86-64"));
    }

    [Test]
    public void ALibraryOf32Bits()
    {
        byte[] library = Library();
        library[4] = 1;
        AssertSays("32-bit", Write(library));
    }

    [Test]
    public void AFileThatCannotBeRead()
    {
        // Nobody reads a socket as a file, not even root.
        string path = PathOf("library.so");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));

        string message = NativeLoader.Load(path).Report.ToString();

        Troubleshooting.AssertSays("unreadable", message, (message.Split('(')[1].Split(").")[0], "WHY"), (path, "PATH"));
    }

    [Test]
    public void ALibraryOfOthers() => AssertSays("not-ours", Compile("int another_function(void) { return 0; }"));

    [Test]
    public void ALibraryOfAnotherAbi() => AssertSays("other-abi", Compile(AnotherAbi));

    [Test]
    public void ALibraryThatNeedsAnother()
    {
        string needed = Compile("int f(void) { return 0; }", "libneeded.so");
        string path = Compile("int f(void); int g(void) { return f(); }", "library.so", needed);
        File.Delete(needed);

        Troubleshooting.AssertSays("dependency", NativeLoader.Load(path).Report.ToString(), (needed, "FILE"), (path, "PATH"));
    }

    [Test]
    public void ALibraryBesideTheApplicationIsFound()
    {
        EmulatedLibrary.Require(nameof(ALibraryBesideTheApplicationIsFound));
        string beside = Path.Combine(AppContext.BaseDirectory, "liblongseqkernels_abi1.so");
        if (!ChildTests.IsChild)
        {
            File.Copy(LongSeqNative.LoadReport.Path, beside, overwrite: true);
        }
        try
        {
            InNewProcess(nameof(ALibraryBesideTheApplicationIsFound), () => Assert.That(NativeLoader.Load(null).Report.Path, Is.EqualTo(beside)));
        }
        finally
        {
            File.Delete(beside);
        }
    }

    [Test]
    public void ACutOffLibraryBesideTheApplicationDoesNotEndTheProcess()
    {
        EmulatedLibrary.Require(nameof(ACutOffLibraryBesideTheApplicationDoesNotEndTheProcess));
        string beside = Path.Combine(AppContext.BaseDirectory, "liblongseqkernels_abi1.so");
        File.WriteAllBytes(beside, Library().AsSpan(0, 60_000));
        try
        {
            NativeLoadReport report = NativeLoader.Load(null).Report;

            Assert.That(report.Path, Is.EqualTo(beside));
            Assert.That(report.Error, Does.StartWith("it is cut off: 60000 of at least"));
        }
        finally
        {
            File.Delete(beside);
        }
    }

    [Test]
    public void TheNamedFileIsTheLoadedOne()
    {
        EmulatedLibrary.Require(nameof(TheNamedFileIsTheLoadedOne));
        string copy = PathOf("a copy.so");
        File.Copy(LongSeqNative.LoadReport.Path, copy);

        (NativeLoadReport report, nint library) = NativeLoader.Load(copy);

        Assert.That(report.IsLoaded);
        Assert.That(report.Path, Is.EqualTo(copy));
        NativeLibrary.Free(library);
    }

    [Test]
    public void AnotherCopyOfTheProcessIsNamed()
    {
        EmulatedLibrary.Require(nameof(AnotherCopyOfTheProcessIsNamed));
        InNewProcess(nameof(AnotherCopyOfTheProcessIsNamed), () =>
        {
            string other = Compile(AnotherAbi, "liblongseqkernels_abi7.so");
            NativeLibrary.Load(other);

            NativeLoadReport report = LongSeqNative.LoadReport;

            Assert.That(report.OtherCopies, Is.EqualTo([other]));
            Troubleshooting.AssertSays("two-copies", report.ToString(), (report.Path, "PATH"), (other, "OTHER"));
        });
    }

    [Test]
    public unsafe void AHandleOfAnotherCopyIsRefused()
    {
        EmulatedLibrary.Require(nameof(AHandleOfAnotherCopyIsRefused));
        string copy = PathOf("liblongseqkernels_abi1.so");
        File.Copy(LongSeqNative.LoadReport.Path, copy);
        nint library = NativeLibrary.Load(copy);
        var create = (delegate* unmanaged[Cdecl]<int, nint*, int>)NativeLibrary.GetExport(library, "lsk_context_create");
        var destroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "lsk_context_destroy");
        nint theirs = 0;
        Assert.That(create(0, &theirs), Is.Zero);

        LskStatus status = Lsk.ContextDestroy(theirs);

        Assert.That(status, Is.EqualTo(LskStatus.InvalidArgument));
        Troubleshooting.AssertSays("foreign-handle", Status.Failure(status).Message);
        Assert.That(destroy(theirs), Is.Zero);
        NativeLibrary.Free(library);
    }

    private static string AnotherAbi => """
        static const char target[] = "cuda";
        int lsk_abi_version(int* version) { *version = 7; return 0; }
        int lsk_build_target(const char** text) { *text = target; return 0; }
        """;

    private static void InNewProcess(string test, Action body) => ChildTests.RunIn($".{nameof(LoaderMessageTests)}.{test}", ("LONGSEQ_NEW_PROCESS", "1"), body);

    private static byte[] Library()
    {
        EmulatedLibrary.Require(nameof(LoaderMessageTests));
        return File.ReadAllBytes(LongSeqNative.LoadReport.Path);
    }

    private static void AssertSays(string tag, string path) => Troubleshooting.AssertSays(tag, NativeLoader.Load(path).Report.ToString(), (path, "PATH"));

    private string Write(ReadOnlySpan<byte> content)
    {
        string path = PathOf("library.so");
        File.WriteAllBytes(path, content);
        return path;
    }

    private string Compile(string source, string name = "library.so", params ReadOnlySpan<string> libraries)
    {
        EmulatedLibrary.Require(nameof(LoaderMessageTests));
        string path = PathOf(name);
        File.WriteAllText(path + ".c", source);
        using Process compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", path, path + ".c", .. libraries]);
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero);
        return path;
    }
}

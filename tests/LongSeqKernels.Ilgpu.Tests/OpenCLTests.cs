using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime.OpenCL;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Every kernel compiles to OpenCL C for a device without fp16 and fp64 arithmetic, without one; clang, where there is one, accepts the text.</summary>
[TestFixture(CLDeviceVendor.AMD)]
[TestFixture(CLDeviceVendor.Intel)]
public sealed class OpenCLTests(CLDeviceVendor vendor)
{
    private static readonly string? Clang = KernelCompilation.Find("clang") ?? KernelCompilation.Find("clang-14");

    private Context _context = null!;
    private CLBackend _backend = null!;

    private static IEnumerable<Type> Works => KernelCompilation.Works;

    [OneTimeSetUp]
    public void StartTheBackend()
    {
        _context = KernelCompilation.NewContext();
        var capabilities = new CLCapabilityContext(float16: false, float64: false, genericAddressSpace: false, int64_Atomics: false, subGroups: false);
        _backend = new CLBackend(_context, capabilities, vendor, CLCVersion.CL20);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }

    [TestCaseSource(nameof(Works))]
    public void KernelCompiles(Type work)
    {
        string text = Compile(work);

        Assert.That(text, Does.Contain("kernel void"));
        Assert.That(text, Does.Not.Contain("barrier(").And.Not.Contains("atomic_"), "bodies have no barriers and no atomics");
        Assert.That(text, Does.Not.Contain("double"), "bodies need no fp64");
    }

    [TestCaseSource(nameof(Works))]
    public void ClangAcceptsIt(Type work)
    {
        if (Clang is null)
        {
            Assert.Ignore("NOT RUN: there is no clang on the PATH.");
        }
        KernelCompilation.AssertAccepts(Clang!, Compile(work), ".cl", "-fsyntax-only", "-cl-std=CL2.0", "-Xclang", "-finclude-default-header", "-target", "spir64");
    }

    private string Compile(Type work) => ((CLCompiledKernel)KernelCompilation.Compile(_backend, work)).Source;
}

using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Every kernel compiles for a CUDA GPU, without one: to PTX of the ISA of CUDA 12.4 for sm_90, and with the toolkit's ptxas to machine code.</summary>
public sealed class PtxTests
{
    private static readonly string? Assembler = KernelCompilation.Find("ptxas", "LSK_CUDA_TOOLKIT", "CUDA_PATH");

    private Context _context = null!;
    private PTXBackend _backend = null!;

    private static IEnumerable<Type> Works => KernelCompilation.Works;

    [OneTimeSetUp]
    public void StartTheBackend()
    {
        _context = KernelCompilation.NewContext();
        _backend = new PTXBackend(_context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_84, nvvmAPI: null!);
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

        Assert.That(text, Does.Contain(".version 8.4").And.Contains(".entry"));
        Assert.That(text, Does.Not.Contain("bar.sync").And.Not.Contains("atom."), "bodies have no barriers and no atomics");
        Assert.That(text, Does.Not.Contain("tanh.approx"), "good to three digits only");
        Assert.That(text, Does.Not.Contain(".f64\t"), "bodies need no fp64");
    }

    [TestCaseSource(nameof(Works))]
    public void KernelAssembles(Type work)
    {
        if (Assembler is null)
        {
            Assert.Ignore("NOT RUN: there is no ptxas on the PATH, nor below LSK_CUDA_TOOLKIT or CUDA_PATH.");
        }
        KernelCompilation.AssertAccepts(Assembler!, Compile(work), ".ptx", "-arch=sm_90", "--output-file", "/dev/null");
    }

    private string Compile(Type work) => ((PTXCompiledKernel)KernelCompilation.Compile(_backend, work)).PTXAssembly;
}

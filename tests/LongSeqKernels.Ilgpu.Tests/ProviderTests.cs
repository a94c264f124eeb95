using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Where the backend runs, and what is said where it cannot.</summary>
public sealed class ProviderTests
{
    private static readonly LongSeqContextOptions WithIlgpu = new() { Providers = [IlgpuBackend.Provider] };

    [Test]
    public void WithoutAGpuTheProviderSaysWhatItLookedFor()
    {
        IgnoreWithGpu();
        IlgpuBackend.Provider.FindsGpu(out string finding);

        Assert.That(finding, Does.Contain("no CUDA device and no OpenCL GPU").And.Contains("libcuda.so"));
    }

    [Test]
    public void NamedWithoutAGpuItThrowsAndNeverSimulatesOne()
    {
        IgnoreWithGpu();

        Assert.That(() => LongSeqContext.Create(Backend.Ilgpu, WithIlgpu), Throws.TypeOf<PlatformNotSupportedException>().With.Message.Contains("no CUDA device"));
    }

    [Test]
    public void AutoWithoutAGpuTakesTheCpuAndSaysThatIlgpuFoundNone()
    {
        IgnoreWithGpu();
        using LongSeqContext context = LongSeqContext.Create(Backend.Auto, WithIlgpu);

        Assert.That(context.Backend, Is.EqualTo(Backend.Managed));
        Assert.That(context.Explain(), Does.Contain("ILGPU finds no CUDA device"));
    }

    [Test]
    public void AnAcceleratorOfTheCallersOutlivesTheContext()
    {
        using Context ilgpu = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)).EnableAlgorithms());
        using Accelerator accelerator = ilgpu.CreateCPUAccelerator(0);
        using (LongSeqContext context = IlgpuBackend.CreateContext(accelerator))
        {
            Assert.That(context.Explain(), Does.StartWith("ilgpu: CPU accelerator"));
            Assert.That(context.Backend, Is.EqualTo(Backend.Ilgpu));
        }
        using MemoryBuffer1D<float, Stride1D.Dense> memory = accelerator.Allocate1D<float>(3);

        Assert.That(memory.Length, Is.EqualTo(3));
    }

    private static void IgnoreWithGpu()
    {
        if (IlgpuBackend.Provider.FindsGpu(out string finding))
        {
            Assert.Ignore($"NOT RUN: this machine has a GPU. {finding}");
        }
    }
}

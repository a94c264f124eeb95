using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The end of a device that other threads use.</summary>
public sealed class DisposalTests
{
    [Test]
    public void DisposalWaitsForTheOperationThatRuns()
    {
        using Context context = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)));
        using Accelerator accelerator = context.CreateCPUAccelerator(0);
        var device = new IlgpuDevice(accelerator, context: null);
        var disposal = new Thread(device.Dispose);
        using (var call = new DeviceCall(device))
        {
            disposal.Start();

            Assert.That(disposal.Join(TimeSpan.FromMilliseconds(100)), Is.False, "the memory of an operation was freed while it ran");
        }
        disposal.Join();
    }

    [Test]
    public void AnOperationThatComesTooLateIsRefused()
    {
        using Context context = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)));
        using Accelerator accelerator = context.CreateCPUAccelerator(0);
        var device = new IlgpuDevice(accelerator, context: null);
        device.Dispose();

        Assert.That(() => Begin(device), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(device.Dispose, Throws.Nothing);
    }

    private static void Begin(IlgpuDevice device)
    {
        using var call = new DeviceCall(device);
    }
}

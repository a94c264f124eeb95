using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Copies between host and device memory.</summary>
public sealed class HostCopiesTests
{
    private const int Elements = 777;

    /// <summary>Enough for some copies that a collection falls into, were arrays not held in place.</summary>
    private const int Copies = 100_000;

    [Test]
    public void AnArrayThatTheCollectorWouldMoveIsCopiedWhole()
    {
        using Context context = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)));
        using Accelerator accelerator = context.CreateCPUAccelerator(0);
        using MemoryBuffer1D<int, Stride1D.Dense> buffer = accelerator.Allocate1D<int>(Elements);
        ArrayView<int> memory = buffer.View.AsContiguous();
        using var collector = new RestlessCollector();

        for (int copy = 0; copy < Copies; copy++)
        {
            int[] sent = Enumerable.Repeat(copy, Elements).ToArray();
            int[] received = new int[Elements];

            HostCopies.Upload<int>(accelerator.DefaultStream, sent, memory);
            HostCopies.Download(accelerator.DefaultStream, memory, received);

            Assert.That(received.AsSpan().IndexOfAnyExcept(copy), Is.EqualTo(-1), $"copy {copy}");
        }
    }
}

using ILGPU;
using ILGPU.Runtime.CPU;
using LongSeqKernels.Ilgpu;

namespace LongSeqKernels.Tests;

/// <content>ILGPU on its CPU accelerator.</content>
public static partial class BackendRegistry
{
    private static readonly Dictionary<string, Lazy<LongSeqContext>> Contexts = new() { ["ilgpu on the CPU"] = new(OnTheCpu) };

    /// <summary>Nothing: the CPU accelerator runs everywhere.</summary>
    public static IReadOnlyList<(string Name, string Reason)> LeftOut { get; } = [];

    /// <summary>The smallest accelerator that ILGPU can simulate, two threads; more would only be slower. Its views end the process at an access out of bounds.</summary>
    private static LongSeqContext OnTheCpu()
    {
        Context context = ILGPU.Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)).EnableAlgorithms());
        return IlgpuBackend.CreateContext(context.CreateCPUAccelerator(0));
    }
}

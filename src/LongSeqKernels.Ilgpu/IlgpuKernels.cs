using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// Every operation on an ILGPU accelerator, by the kernel bodies of the core. Tensors are host memory: an operation copies its inputs to the device and its
/// results back. Storage types are converted at every access, arithmetic is fp32.
/// </summary>
internal sealed partial class IlgpuKernels : IKernels
{
    private readonly IlgpuDevice _device;

    private IlgpuKernels(Accelerator accelerator, Context? context) => _device = new IlgpuDevice(accelerator, context);

    /// <summary>Runs on an accelerator of the caller's, whose context was made with <c>EnableAlgorithms()</c>.</summary>
    public static IlgpuKernels On(Accelerator accelerator) => new(accelerator, context: null);

    /// <summary>Runs on an accelerator, and disposes of it and its context in the end.</summary>
    public static IlgpuKernels Owning(Accelerator accelerator, Context context) => new(accelerator, context);

    public string Name => "ilgpu";

    public string Description => $"{_device.Accelerator.AcceleratorType} accelerator {_device.Accelerator.Name}, {_device.Accelerator.MaxNumThreads} threads";

    public void Dispose() => _device.Dispose();
}

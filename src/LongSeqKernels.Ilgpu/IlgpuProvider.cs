using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace LongSeqKernels.Ilgpu;

/// <summary>Finds a GPU among ILGPU's devices and runs on it.</summary>
internal sealed class IlgpuProvider : IBackendProvider
{
    public Backend Backend => Backend.Ilgpu;

    public bool FindsGpu(out string finding)
    {
        using Context context = NewContext();
        Device? gpu = Gpu(context);
        finding = Finding(gpu);
        return gpu is not null;
    }

    public IKernels Start()
    {
        Context context = NewContext();
        try
        {
            Device gpu = Gpu(context) ?? throw new PlatformNotSupportedException(Finding(gpu: null));
            return IlgpuKernels.Owning(gpu.CreateAccelerator(context), context);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    private static Context NewContext() => Context.Create(builder => builder.Cuda().OpenCL().EnableAlgorithms().Optimize(OptimizationLevel.O2));

    private static Device? Gpu(Context context) =>
        context.Devices.OfType<CudaDevice>().FirstOrDefault<Device>()
        ?? context.Devices.OfType<CLDevice>().FirstOrDefault(device => device.DeviceType == CLDeviceType.CL_DEVICE_TYPE_GPU);

    private static string Finding(Device? gpu) => gpu is null
        ? "ILGPU finds no CUDA device and no OpenCL GPU (their drivers are libcuda.so and libOpenCL.so)."
        : $"ILGPU finds {gpu.Name} ({gpu.AcceleratorType}).";
}

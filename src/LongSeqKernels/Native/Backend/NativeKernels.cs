namespace LongSeqKernels.Native;

/// <summary>
/// The native backend over host tensors: uploads, runs on the device, downloads. The same class drives the CUDA library and its emulated twin.
/// Models that stay on the device use <see cref="NativeDevice"/> and the plans of this namespace instead.
/// </summary>
internal sealed partial class NativeKernels : IKernels
{
    private readonly NativeLanes _lanes;
    private readonly PlanCache _plans = new();
    private readonly bool _emulated;

    private NativeKernels(NativeDevice device)
    {
        Device = device;
        _lanes = new NativeLanes(device);
        _emulated = LongSeqNative.LoadReport.IsEmulated;
    }

    public NativeDevice Device { get; }

    public string Name => _emulated ? "native emulated" : "native";

    public string Description => Device.Info.ToString();

    /// <summary>The rates of this device for cost models.</summary>
    public MachineRates Rates => NominalRates.Of(Device.Info);

    /// <summary>Opens the first GPU.</summary>
    /// <exception cref="PlatformNotSupportedException">The library, the driver or the device is missing or too old.</exception>
    public static NativeKernels Create() => new(NativeDevice.Open());

    /// <summary>Opens the first device of any build, the emulated one included: for tests.</summary>
    public static NativeKernels CreateAny() => new(NativeDevice.OpenAny(0));

    public void Dispose()
    {
        _plans.Dispose();
        _lanes.Dispose();
        Device.Dispose();
    }
}

namespace LongSeqKernels.Native;

/// <summary>
/// The published peak rates of the largest part of each GPU generation: dense bf16 tensor cores and memory. Cost models need their ratio only,
/// which differs little within a generation; a caller who knows better gives <see cref="LongSeqContextOptions.Rates"/>.
/// </summary>
internal static class NominalRates
{
    public static MachineRates Of(NativeDeviceInfo device) => device.ComputeCapability switch
    {
        < 86 => new MachineRates(312e12, 2.0e12), // A100
        < 89 => new MachineRates(150e12, 0.7e12), // A40
        < 90 => new MachineRates(362e12, 0.86e12), // L40S
        < 100 => new MachineRates(989e12, 3.35e12), // H100
        _ => new MachineRates(2250e12, 8.0e12), // B200
    };
}

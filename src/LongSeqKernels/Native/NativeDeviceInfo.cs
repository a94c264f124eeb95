namespace LongSeqKernels.Native;

/// <summary>What a device is.</summary>
/// <param name="Name">Its name, from the driver.</param>
/// <param name="ComputeCapability">10 * major + minor: 90 for compute capability 9.0.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="SharedMemoryPerBlock">Bytes of shared memory that one block may use.</param>
/// <param name="MemoryBytes">Bytes of device memory.</param>
/// <param name="L2Bytes">Bytes of the second-level cache.</param>
/// <param name="DriverVersion">1000 * major + 10 * minor of the CUDA version that the driver supports.</param>
/// <param name="RuntimeVersion">The same of the CUDA runtime that the library was built with.</param>
public sealed record NativeDeviceInfo(
    string Name,
    int ComputeCapability,
    int Multiprocessors,
    int SharedMemoryPerBlock,
    long MemoryBytes,
    long L2Bytes,
    int DriverVersion,
    int RuntimeVersion)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name}, compute capability {ComputeCapability / 10}.{ComputeCapability % 10}, {Multiprocessors} multiprocessors, " +
        $"{MemoryBytes / (double)(1L << 30):F0} GiB, driver {Version(DriverVersion)}, runtime {Version(RuntimeVersion)}";

    private static string Version(int version) => $"{version / 1000}.{version % 1000 / 10}";
}

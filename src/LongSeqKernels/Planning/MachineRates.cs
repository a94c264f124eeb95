namespace LongSeqKernels;

/// <summary>
/// What a machine can do at most: the two roofs of the roofline model. Measured by <see cref="Measure"/> (what cost models and
/// benchmarks use), or given, which makes everything that is decided from it a pure function of its arguments.
/// </summary>
/// <param name="FlopsPerSecond">fp32 operations per second of multiply-adds in registers (a multiply-add counts as two), all threads together.</param>
/// <param name="ReadBytesPerSecond">Bytes per second of sequential reads from memory beyond the caches, all threads together.</param>
public readonly record struct MachineRates(double FlopsPerSecond, double ReadBytesPerSecond)
{
    /// <summary>Measures this machine, which takes about a tenth of a second and 96 MB. Others' load on the machine lowers the result.</summary>
    /// <param name="threads">Threads that work at the same time; 0 means one for every processor of this process.</param>
    /// <remarks>
    /// The vector width is the managed backend's. Reads come partly from the cache where it holds more than 96 MB for this process.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="threads"/> is out of range.</exception>
    public static MachineRates Measure(int threads = 0) => RateMeasurement.Measure(Resolve(threads));

    /// <summary>
    /// Measures how fast the same data is read again and again, in some hundredths of a second: from the cache that holds it, or from memory. What an operation on a history of that
    /// size is bound by when it runs more than once.
    /// </summary>
    /// <param name="bytes">Size of the data, from 64 KiB to 96 MiB (where <see cref="Measure"/> reads from memory).</param>
    /// <param name="threads">Threads that work at the same time, each on its part; 0 means one for every processor of this process.</param>
    /// <returns>Bytes per second, all threads together.</returns>
    /// <exception cref="ArgumentException">An argument is out of range.</exception>
    public static double MeasureReads(long bytes, int threads = 0)
    {
        if (bytes is < RateMeasurement.LeastBytes or > RateMeasurement.ReadBytes)
        {
            throw Error.Range(nameof(bytes), bytes, $"from {RateMeasurement.LeastBytes} to {RateMeasurement.ReadBytes}");
        }
        return RateMeasurement.ReadRate(Resolve(threads), bytes);
    }

    /// <summary>The rates in the units of their size: "457 GFLOP/s, 41 GB/s".</summary>
    public override string ToString() => $"{FlopsPerSecond / 1e9:N0} GFLOP/s, {ReadBytesPerSecond / 1e9:N0} GB/s";

    private static int Resolve(int threads) => threads switch
    {
        < 0 or > LongSeqContextOptions.MaxThreads => throw Error.Range(nameof(threads), threads, $"from 1 to {LongSeqContextOptions.MaxThreads}, or 0 for one per processor"),
        0 => Environment.ProcessorCount,
        _ => threads,
    };

    internal void Validate()
    {
        if (!double.IsFinite(FlopsPerSecond) || FlopsPerSecond <= 0)
        {
            throw Error.Range(nameof(FlopsPerSecond), FlopsPerSecond, "finite and greater than 0");
        }
        if (!double.IsFinite(ReadBytesPerSecond) || ReadBytesPerSecond <= 0)
        {
            throw Error.Range(nameof(ReadBytesPerSecond), ReadBytesPerSecond, "finite and greater than 0");
        }
    }
}

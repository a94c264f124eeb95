namespace LongSeqKernels.Cli;

/// <summary>What binds an operation: the roof that it would take longer to reach.</summary>
internal enum Bound
{
    /// <summary>Multiply-adds.</summary>
    Compute,

    /// <summary>Reads.</summary>
    Memory,
}

/// <summary>Reads of as many bytes as an operation touches.</summary>
/// <param name="Bytes">The bytes that are read again and again.</param>
/// <param name="BytesPerSecond">Their rate, all threads together.</param>
internal sealed record ReadRoof(long Bytes, double BytesPerSecond);

/// <summary>
/// The measured roofs of this machine with a number of threads: multiply-adds in registers, and sequential reads of data of several sizes, since what fits into a cache is not
/// bound by the memory behind it.
/// </summary>
/// <param name="Threads">Threads that worked at the same time.</param>
/// <param name="FlopsPerSecond">fp32 operations of multiply-adds, all threads together.</param>
/// <param name="Reads">From the smallest data to the largest, which no cache is supposed to hold.</param>
internal sealed record Roofline(int Threads, double FlopsPerSecond, IReadOnlyList<ReadRoof> Reads)
{
    private const long MegaByte = 1L << 20;
    private static readonly long[] CacheSizes = [MegaByte / 4, MegaByte, 4 * MegaByte, 16 * MegaByte];
    private const long MemorySize = 96 * MegaByte;
    private const int Repeats = 5;

    /// <summary>The rate of reads from memory.</summary>
    public double MemoryBytesPerSecond => Reads[^1].BytesPerSecond;

    /// <summary>Measures it several times, about a second together. Others' load on the machine lowers the result.</summary>
    public static Roofline Measure(int threads) => Enumerable.Range(0, Repeats).Select(_ => MeasureOnce(threads)).Aggregate((best, other) => best.Best(other));

    private static Roofline MeasureOnce(int threads)
    {
        MachineRates rates = MachineRates.Measure(threads);
        return new Roofline(
            threads,
            rates.FlopsPerSecond,
            [.. CacheSizes.Select(bytes => new ReadRoof(bytes, MachineRates.MeasureReads(bytes, threads))), new ReadRoof(MemorySize, rates.ReadBytesPerSecond)]);
    }

    /// <summary>The better of two measurements of one machine: a roof is what it can do when nothing disturbs it.</summary>
    public Roofline Best(Roofline other) => this with
    {
        FlopsPerSecond = Math.Max(FlopsPerSecond, other.FlopsPerSecond),
        Reads = [.. Reads.Zip(other.Reads, (one, two) => one.BytesPerSecond >= two.BytesPerSecond ? one : two)],
    };

    /// <summary>Reads of data of this size: between the sizes that were measured, logarithmically.</summary>
    public double ReadRate(double bytes)
    {
        int next = Reads.TakeWhile(read => read.Bytes < bytes).Count();
        if (next == 0 || next == Reads.Count)
        {
            return Reads[Math.Min(next, Reads.Count - 1)].BytesPerSecond;
        }
        (ReadRoof low, ReadRoof high) = (Reads[next - 1], Reads[next]);
        double share = Math.Log(bytes / low.Bytes) / Math.Log((double)high.Bytes / low.Bytes);
        return low.BytesPerSecond * Math.Pow(high.BytesPerSecond / low.BytesPerSecond, share);
    }

    /// <summary>The shortest time that the roofs allow.</summary>
    public double Seconds(BenchWork work) => Math.Max(work.Flops / FlopsPerSecond, work.Bytes / ReadRate(work.Bytes));

    /// <summary>Which roof takes it.</summary>
    public Bound BoundOf(BenchWork work) => work.Flops / FlopsPerSecond >= work.Bytes / ReadRate(work.Bytes) ? Bound.Compute : Bound.Memory;

    /// <summary>"457 GFLOP/s; reads of 1 MiB 260 GB/s, ... from memory 41 GB/s; 2 threads".</summary>
    public override string ToString() =>
        $"{FlopsPerSecond / 1e9:N0} GFLOP/s; reads of {string.Join(", ", Reads.SkipLast(1).Select(read => $"{Format.Bytes(read.Bytes)} {read.BytesPerSecond / 1e9:N0} GB/s"))}, " +
        $"from memory {MemoryBytesPerSecond / 1e9:N0} GB/s; {Format.Count(Threads, "thread")}";
}

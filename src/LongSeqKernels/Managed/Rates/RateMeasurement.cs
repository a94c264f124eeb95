using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>Measures the two roofs of a CPU kernel with all threads at once: fp32 multiply-adds in registers, and reads of memory that no cache holds.</summary>
internal static unsafe class RateMeasurement
{
    /// <summary>Beyond the last-level cache that a process of a server usually gets.</summary>
    public const long ReadBytes = 96L << 20;

    /// <summary>Less than this is not read for long enough to be timed.</summary>
    public const long LeastBytes = 1L << 16;

    private const int MultiplyAddSteps = 60_000;
    private const int MultiplyAddRuns = 12;
    private const int ReadRuns = 4;

    /// <summary>Vectors of one step of the multiply-add loop.</summary>
    private const int Accumulators = 12;

    private static SimdLevel Simd => SimdLevels.Choose(Environment.GetEnvironmentVariable("LONGSEQ_SIMD"));

    public static MachineRates Measure(int threads) => Simd switch
    {
        SimdLevel.Vector512 => Measure<Simd512, Vector512<float>>(threads),
        SimdLevel.Vector256 => Measure<Simd256, Vector256<float>>(threads),
        _ => Measure<Simd128, Vector128<float>>(threads),
    };

    /// <summary>Bytes per second of sequential reads of the same <paramref name="bytes"/> again and again, all threads together: from the cache that holds them.</summary>
    public static double ReadRate(int threads, long bytes) => Simd switch
    {
        SimdLevel.Vector512 => ReadRate<Simd512, Vector512<float>>(threads, bytes),
        SimdLevel.Vector256 => ReadRate<Simd256, Vector256<float>>(threads, bytes),
        _ => ReadRate<Simd128, Vector128<float>>(threads, bytes),
    };

    private static MachineRates Measure<TSimd, TVector>(int threads)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        using var pool = new WorkerPool(threads);
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(ReadBytes);
        var multiplyAdds = new MultiplyAddWork<TSimd, TVector>(buffer.Floats);
        double multiplyAddSeconds = Best(pool, ref multiplyAdds, MultiplyAddRuns);
        double flops = 2.0 * Accumulators * TSimd.Count * MultiplyAddSteps * threads;
        return new MachineRates(flops / multiplyAddSeconds, ReadRate<TSimd, TVector>(pool, buffer, ReadBytes));
    }

    private static double ReadRate<TSimd, TVector>(int threads, long bytes)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        using var pool = new WorkerPool(threads);
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(bytes);
        return ReadRate<TSimd, TVector>(pool, buffer, bytes);
    }

    private static double ReadRate<TSimd, TVector>(WorkerPool pool, AlignedBuffer buffer, long bytes)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        new Span<byte>(buffer.Bytes, (int)bytes).Clear(); // pages that were never written are all the same page
        long step = ReadWork<TSimd, TVector>.Accumulators * TSimd.Count * sizeof(float);
        long bytesOfItem = bytes / pool.Threads / step * step;
        int passes = (int)(ReadBytes / bytes);
        // Which of the two is faster depends on the level of the memory: fetching ahead helps the last-level cache and hinders the others.
        var plain = new ReadWork<TSimd, TVector>(buffer.Bytes, bytesOfItem, passes, fetchesAhead: false);
        var fetched = new ReadWork<TSimd, TVector>(buffer.Bytes, bytesOfItem, passes, fetchesAhead: true);
        double seconds = Math.Min(Best(pool, ref plain, ReadRuns), Best(pool, ref fetched, ReadRuns));
        return plain.BytesPerItem * pool.Threads / seconds;
    }

    /// <summary>The shortest of a few runs of one item per thread: a roof is what the machine can do when nothing disturbs it.</summary>
    private static double Best<TWork>(WorkerPool pool, ref TWork work, int runs)
        where TWork : struct, IParallelWork
    {
        double best = double.PositiveInfinity;
        for (int run = 0; run < runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(ref work, pool.Threads);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private readonly struct MultiplyAddWork<TSimd, TVector>(float* results) : IParallelWork
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        public void Execute(int item, int thread) => TSimd.Store(Loop(), results + (item * TSimd.Count));

        /// <summary>As many independent chains as hide the latency of a multiply-add on two ports.</summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static TVector Loop()
        {
            TVector x = TSimd.Create(0.999f), y = TSimd.Create(0.001f);
            TVector a0 = x, a1 = x, a2 = x, a3 = x, a4 = x, a5 = x;
            TVector b0 = y, b1 = y, b2 = y, b3 = y, b4 = y, b5 = y;
            for (int i = 0; i < MultiplyAddSteps; i++)
            {
                a0 = TSimd.MultiplyAdd(a0, x, y);
                a1 = TSimd.MultiplyAdd(a1, x, y);
                a2 = TSimd.MultiplyAdd(a2, x, y);
                a3 = TSimd.MultiplyAdd(a3, x, y);
                a4 = TSimd.MultiplyAdd(a4, x, y);
                a5 = TSimd.MultiplyAdd(a5, x, y);
                b0 = TSimd.MultiplyAdd(b0, x, y);
                b1 = TSimd.MultiplyAdd(b1, x, y);
                b2 = TSimd.MultiplyAdd(b2, x, y);
                b3 = TSimd.MultiplyAdd(b3, x, y);
                b4 = TSimd.MultiplyAdd(b4, x, y);
                b5 = TSimd.MultiplyAdd(b5, x, y);
            }
            TVector a = TSimd.Add(TSimd.Add(TSimd.Add(a0, a1), TSimd.Add(a2, a3)), TSimd.Add(a4, a5));
            TVector b = TSimd.Add(TSimd.Add(TSimd.Add(b0, b1), TSimd.Add(b2, b3)), TSimd.Add(b4, b5));
            return TSimd.Add(a, b);
        }
    }

    private readonly struct ReadWork<TSimd, TVector>(byte* memory, long bytesOfItem, int passes, bool fetchesAhead) : IParallelWork
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        /// <summary>Vectors of one step: as many independent sums.</summary>
        public const int Accumulators = 8;

        private const int FloatsOfLine = ScratchPool.Alignment / sizeof(float);
        private const int LinesAhead = 24;

        public double BytesPerItem => (double)bytesOfItem * passes;

        public void Execute(int item, int thread)
        {
            float* first = (float*)(memory + (item * bytesOfItem));
            float* end = first + (bytesOfItem / sizeof(float));
            for (int pass = 0; pass < passes; pass++)
            {
                TVector sum = fetchesAhead ? Fetched(first, end) : Plain(first, end);
                if (TSimd.Sum(sum) != 0)
                {
                    throw new InvalidOperationException("Memory that was cleared reads as something else.");
                }
            }
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static TVector Plain(float* line, float* end)
        {
            TVector a = TSimd.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
            for (; line < end; line += Accumulators * TSimd.Count)
            {
                Add(line, ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h);
            }
            return Sum(a, b, c, d, e, f, g, h);
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static TVector Fetched(float* line, float* end)
        {
            TVector a = TSimd.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
            for (; line < end; line += Accumulators * TSimd.Count)
            {
                float* ahead = line + (LinesAhead * FloatsOfLine);
                for (int x = 0; x < Accumulators * TSimd.Count; x += FloatsOfLine)
                {
                    TSimd.Prefetch(ahead + x);
                }
                Add(line, ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h);
            }
            return Sum(a, b, c, d, e, f, g, h);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(
            float* line, ref TVector a, ref TVector b, ref TVector c, ref TVector d, ref TVector e, ref TVector f, ref TVector g, ref TVector h)
        {
            a = TSimd.Add(a, TSimd.LoadAligned(line));
            b = TSimd.Add(b, TSimd.LoadAligned(line + TSimd.Count));
            c = TSimd.Add(c, TSimd.LoadAligned(line + (2 * TSimd.Count)));
            d = TSimd.Add(d, TSimd.LoadAligned(line + (3 * TSimd.Count)));
            e = TSimd.Add(e, TSimd.LoadAligned(line + (4 * TSimd.Count)));
            f = TSimd.Add(f, TSimd.LoadAligned(line + (5 * TSimd.Count)));
            g = TSimd.Add(g, TSimd.LoadAligned(line + (6 * TSimd.Count)));
            h = TSimd.Add(h, TSimd.LoadAligned(line + (7 * TSimd.Count)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TVector Sum(TVector a, TVector b, TVector c, TVector d, TVector e, TVector f, TVector g, TVector h) =>
            TSimd.Add(TSimd.Add(TSimd.Add(a, b), TSimd.Add(c, d)), TSimd.Add(TSimd.Add(e, f), TSimd.Add(g, h)));
    }
}

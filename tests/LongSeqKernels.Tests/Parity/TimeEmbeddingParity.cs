using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class TimeEmbeddingParity<T>(string backend)
    where T : unmanaged
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        from lengths in new long[][] { [], [0], [1], [65, 0, 1, 130], ZipfLengths(1, 20, 500) }
        from width in new[] { 1, 7, 8, 20, 64, 100 }
        select new TestCaseData(lengths, width).SetArgDisplayNames($"{lengths.Length} segments of {lengths.Sum()} rows", $"width {width}");

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(long[] lengths, int width)
    {
        Data data = new(new TimeBuckets(16), JaggedLayout.FromLengths(lengths), width);
        T[] table = Normal<T>(1, data.Buckets.Buckets * width);
        T[] rows = Normal<T>(2, data.Segments.Total * width);
        float[] reference = Forward(BackendRegistry.Reference, data, Widen(table), Widen(rows));

        T[] actual = Forward(Context, data, table, rows);

        AssertFlashRule<T>("rows", Widen(actual), Widen(Narrow<T>(reference)), reference);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(long[] lengths, int width)
    {
        Data data = new(new TimeBuckets(16), JaggedLayout.FromLengths(lengths), width);
        T[] gradient = Normal<T>(3, data.Segments.Total * width);
        float[] reference = Backward(BackendRegistry.Reference, data, Widen(gradient));

        T[] actual = Backward(Context, data, gradient);

        double sumError = UnitRoundoff<float>() * Math.Sqrt(data.Segments.Total);
        AssertFlashRule<T>("tableGradient", Widen(actual), NaiveBackward(data, Widen(gradient)), reference, sumError);
    }

    [Test]
    public void GapsAroundEveryBoundaryFallIntoTheDocumentedBucket([Values(1, 2, 5)] int perOctave, [Values(1, 60, 86_400.5)] double unit)
    {
        TimeBuckets buckets = new(64, unit, perOctave);
        long[] boundaries = [.. Enumerable.Range(0, 64).Select(b => (long)(unit * (Math.Pow(2, (double)b / perOctave) - 1)))];
        long[] gaps = [long.MinValue / 4, -1, .. boundaries.SelectMany(b => new[] { b - 1, b, b + 1 }), long.MaxValue / 4];
        JaggedLayout segments = JaggedLayout.FromLengths(gaps.Length);
        Data data = new(buckets, segments, 1) { RequestTimes = [1000], EventTimes = [.. gaps.Select(gap => 1000 - gap)] };
        T[] table = Narrow<T>([.. Enumerable.Range(0, 64).Select(b => (float)b)]);

        T[] rows = Forward(Context, data, table, new T[gaps.Length]);

        Assert.That(Widen(rows), Is.EqualTo(gaps.Select(gap => (float)buckets.Of(gap))));
    }

    [Test]
    public void GapsThatOverflowInTheUnitFallIntoTheLastBucket()
    {
        Data data = new(new TimeBuckets(16, double.Epsilon), JaggedLayout.FromLengths(9), 1) { RequestTimes = [long.MaxValue], EventTimes = new long[9] };
        T[] table = Narrow<T>([.. Enumerable.Range(0, 16).Select(b => (float)b)]);

        T[] rows = Forward(Context, data, table, new T[9]);

        Assert.That(Widen(rows), Is.All.EqualTo(15));
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        Data data = new(new TimeBuckets(8), JaggedLayout.FromLengths(5000, 0, 3000), 20);
        T[] gradient = Normal<T>(3, data.Segments.Total * 20);
        T[] expected = Backward(Context, data, gradient);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(Backward(Context, data, gradient), expected, "tableGradient");
        }
    }

    private static TElement[] Forward<TElement>(LongSeqContext context, Data data, TElement[] table, TElement[] rows)
        where TElement : unmanaged
    {
        GuardedBuffer<TElement> result = GuardedBuffer<TElement>.Of(rows);
        TimeEmbedding.Forward(
            context,
            data.Buckets,
            data.Segments,
            data.Width,
            GuardedBuffer<long>.Of(data.RequestTimes).Span,
            GuardedBuffer<long>.Of(data.EventTimes).Span,
            GuardedBuffer<TElement>.Of(table).Span,
            result.Span);
        result.AssertGuardIntact("rows");
        return result.ToArray();
    }

    private static TElement[] Backward<TElement>(LongSeqContext context, Data data, TElement[] rowGradient)
        where TElement : unmanaged
    {
        GuardedBuffer<TElement> result = GuardedBuffer<TElement>.Output(data.Buckets.Buckets * data.Width);
        TimeEmbedding.Backward(
            context,
            data.Buckets,
            data.Segments,
            data.Width,
            GuardedBuffer<long>.Of(data.RequestTimes).Span,
            GuardedBuffer<long>.Of(data.EventTimes).Span,
            GuardedBuffer<TElement>.Of(rowGradient).Span,
            result.Span);
        result.AssertGuardIntact("tableGradient");
        return result.ToArray();
    }

    /// <summary>One-hot rows times the gradient.</summary>
    private static float[] NaiveBackward(Data data, float[] rowGradient)
    {
        int total = (int)data.Segments.Total;
        var oneHot = new float[data.Buckets.Buckets * total];
        for (int segment = 0; segment < data.Segments.Count; segment++)
        {
            for (int row = (int)data.Segments.Start(segment); row < data.Segments.Start(segment + 1); row++)
            {
                oneHot[(data.Buckets.Of(data.RequestTimes[segment] - data.EventTimes[row]) * total) + row] = 1;
            }
        }
        NaiveTape<T> tape = new();
        return tape.Multiply(tape.Input(oneHot, data.Buckets.Buckets, total), tape.Input(rowGradient, total, data.Width)).Values;
    }

    /// <summary>Requests a day apart, events at every scale before them and a few after.</summary>
    private sealed record Data(TimeBuckets Buckets, JaggedLayout Segments, int Width)
    {
        public long[] RequestTimes { get; init; } = [.. Enumerable.Range(1, Segments.Count).Select(i => 1_700_000_000L + (86_400 * i))];

        public long[] EventTimes { get; init; } =
            [.. Normal(9, Segments.Total, 5).Select(x => 1_700_000_000L + (long)(Math.Sign(x - 8) * Math.Exp(Math.Abs(x))))];
    }
}

using NUnit.Framework;
using static LongSeqKernels.Tests.FiniteDifferences;

namespace LongSeqKernels.Tests;

/// <summary>
/// Every backend's backward against finite differences of the reference's forward, to which the parity suite holds every other forward: segment reduction, time embedding.
/// </summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class HelperGradients(string backend)
{
    private static LongSeqContext Reference => BackendRegistry.Reference;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    [Test]
    public void SegmentReduceBackwardIsTheDerivativeOfForward([Values] SegmentReduction reduction)
    {
        const int Width = 2;
        JaggedLayout segments = JaggedLayout.FromLengths(3, 0, 1, 4);

        // A permutation of multiples of 0.5: no step of a difference changes which row is the largest.
        float[] input = [.. Enumerable.Range(0, (int)segments.Total * Width).Select(i => (i * 5 % 16 * 0.5f) - 4)];
        float[] weights = Samples.Normal(2, segments.Count * Width);
        double Loss()
        {
            var output = new float[weights.Length];
            SegmentReduce.Forward(Reference, reduction, segments, Width, input, output);
            return WeightedSum(output, weights);
        }

        var gradient = new float[input.Length];
        SegmentReduce.Backward(Context, reduction, segments, Width, input, weights, gradient);

        AssertGradient("input", input, gradient, Loss);
    }

    [Test]
    public void TimeEmbeddingBackwardIsTheDerivativeOfForward()
    {
        const int Width = 2;
        TimeBuckets buckets = new(6);
        JaggedLayout segments = JaggedLayout.FromLengths(4, 0, 3);
        long[] requestTimes = [1000, 50, 100_000];
        long[] eventTimes = [1000, 990, 700, 2000, 0, 99_000, 99_999];
        float[] table = Samples.Normal(1, buckets.Buckets * Width);
        float[] weights = Samples.Normal(2, segments.Total * Width);
        double Loss()
        {
            var rows = new float[weights.Length];
            TimeEmbedding.Forward(Reference, buckets, segments, Width, requestTimes, eventTimes, table, rows);
            return WeightedSum(rows, weights);
        }

        var gradient = new float[table.Length];
        TimeEmbedding.Backward(Context, buckets, segments, Width, requestTimes, eventTimes, weights, gradient);

        AssertGradient("table", table, gradient, Loss);
    }
}

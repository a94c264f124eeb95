using NUnit.Framework;
using static LongSeqKernels.Docs.Tests.Snippets.Numbers;
using static LongSeqKernels.Tests.FiniteDifferences;
using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>Encoders, time gaps and pooling of Operations/README.md.</summary>
[TestFixture]
public sealed class RowSnippets
{
    private readonly LongSeqContext _context = LongSeqContext.Create(Backend.Managed);

    [OneTimeTearDown]
    public void Dispose() => _context.Dispose();

    [Test]
    public void AConcatenationIsNeverMade()
    {
        LongSeqContext context = _context;
        const int rows = 5;
        float[] first = Normal(1, rows * 16), second = Normal(2, rows * 16), weight = Normal(3, 32 * 32), bias = Normal(4, 32);
        var fused = new float[rows * 32];

        // <example>
        // [first | second] W without the concatenation: W's upper rows multiply the first, its lower rows the second.
        Linear.Forward<float>(context, new LinearShape(rows, 16, 32), first, weight.AsSpan(0, 16 * 32), bias, fused);
        Linear.Forward<float>(context, new LinearShape(rows, 16, 32), second, weight.AsSpan(16 * 32), default, fused, OutputMode.Add);
        // </example>

        for (int i = 0; i < fused.Length; i++)
        {
            float[] concatenation = [.. Row(first, i / 32, 16), .. Row(second, i / 32, 16)];
            float[] column = [.. Enumerable.Range(0, 32).Select(row => weight[(row * 32) + (i % 32)])];
            Assert.That(fused[i], Is.EqualTo(WeightedSum(concatenation, column) + bias[i % 32]).Within(1e-5));
        }
    }

    [Test]
    public void TimeGapsAreAddedAndRowsPooled()
    {
        LongSeqContext context = _context;
        JaggedLayout history = JaggedLayout.FromLengths(3, 0);
        long[] requestTimes = [10_000, 10_000], eventTimes = [2_000, 9_940, 10_500];
        float[] table = Normal(1, 32 * 16);
        var rows = new float[history.Total * 16];
        var means = new float[history.Count * 16];

        // <example>
        var buckets = new TimeBuckets(Buckets: 32, Unit: 60, PerOctave: 2);         // times are seconds
        TimeEmbedding.Forward<float>(context, buckets, history, width: 16, requestTimes, eventTimes, table, rows);
        SegmentReduce.Forward<float>(context, SegmentReduction.Mean, history, width: 16, rows, means);
        // </example>

        // log2(1 + 8000 / 60) = 7.07, log2(1 + 60 / 60) = 1, and an event after the request.
        int[] expected = [1 + 14, 1 + 2, 0];
        Assert.That(rows, Is.EqualTo(expected.SelectMany(bucket => Row(table, bucket, 16).ToArray())));
        for (int i = 0; i < 16; i++)
        {
            Assert.That(means[i], Is.EqualTo(expected.Average(bucket => table[(bucket * 16) + i])).Within(1e-6));
            Assert.That(means[16 + i], Is.Zero, "no rows");
        }
    }
}

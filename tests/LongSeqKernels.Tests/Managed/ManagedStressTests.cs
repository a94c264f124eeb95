using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The SIMD backend, whose threads work on pinned arrays of the caller, while the garbage collector moves whatever is not.</summary>
public sealed class ManagedStressTests
{
    /// <summary>Enough for some runs that a collection falls into, were arrays not held in place.</summary>
    private const int Runs = 100_000;

    private const int Events = 200;
    private const int Targets = 8;
    private const int Heads = 2;
    private const int Width = 16;

    [Test]
    public void ArraysThatTheCollectorWouldMoveAreReadAndWrittenWhole()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = 2 });
        CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = JaggedLayout.FromLengths(Targets),
            History = JaggedLayout.FromLengths(Events),
            Heads = Heads,
            HeadWidth = Width,
        });
        float[] queries = Samples.Normal(1, Targets * Heads * Width);
        float[] keys = Samples.Normal(2, Events * Heads * Width);
        float[] values = Samples.Normal(3, Events * Heads * Width);
        (float[] expected, float[] expectedLogSumExp) = Forward(plan, queries, keys, values);
        using var collector = new RestlessCollector();

        for (int run = 0; run < Runs; run++)
        {
            (float[] output, float[] logSumExp) = Forward(plan, [.. queries], [.. keys], [.. values]);

            Assert.That(output.AsSpan().SequenceEqual(expected), $"output of run {run}");
            Assert.That(logSumExp.AsSpan().SequenceEqual(expectedLogSumExp), $"LSE of run {run}");
        }
    }

    private static (float[] Output, float[] LogSumExp) Forward(CrossAttentionPlan plan, float[] queries, float[] keys, float[] values)
    {
        var output = new float[queries.Length];
        var logSumExp = new float[Targets * Heads];
        CrossAttention.Forward<float>(plan, queries, keys, values, output, logSumExp);
        return (output, logSumExp);
    }
}

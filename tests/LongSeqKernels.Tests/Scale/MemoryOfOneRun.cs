using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What a run of the SIMD backend needs beyond its inputs and outputs.</summary>
[NonParallelizable]
public sealed class MemoryOfOneRun
{
    private const int Events = 1_000_000;
    private const int Targets = 128;
    private const int Heads = 8;
    private const int Width = 16;
    private const long Limit = 64L << 20;

    [TestCase(typeof(float))]
    [TestCase(typeof(BFloat16))]
    public void MillionEventsNeedLessThan64Megabytes(Type element)
    {
        (long workspace, long measured) = element == typeof(float) ? Measure<float>() : Measure<BFloat16>();

        Assert.That(measured, Is.LessThan(Limit));
        Assert.That(workspace, Is.LessThan(Limit));

        // The plan's figure is a promise: a block is rounded up to whole pages, and managed allocations are plan-sized, not history-sized.
        Assert.That(measured, Is.LessThanOrEqualTo(workspace + (1 << 20)));
    }

    [Test]
    public void WorkspaceDoesNotGrowWithTheHistory(
        [Values(1_000, 100_000, 10_000_000, 1_000_000_000)] long events, [Values] HistoryForm form, [Values(1, 16, 128, 512)] int targets)
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = 16 });
        CrossAttentionShape shape = new()
        {
            Targets = JaggedLayout.FromLengths(targets),
            History = JaggedLayout.FromLengths(events),
            Heads = Heads,
            HeadWidth = form == HistoryForm.Shared ? 512 : 64,
            Form = form,
        };

        Assert.That(CrossAttention.Plan(context, shape, new() { Scale = 1 }).WorkspaceBytes, Is.LessThan(Limit));
    }

    /// <summary>One matrix of targets times history would take 200 MB here.</summary>
    [Test]
    public void BackwardNeverHoldsTargetsTimesHistory()
    {
        const int History = 50_000;
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        ScratchPool scratch = ((ManagedKernels)context.Kernels).Scratch;
        CrossAttentionPlan plan = CrossAttention.Plan(context, Shape(History));
        float[] queries = Samples.Normal(1, Targets * Heads * Width);
        float[] keys = Samples.Normal(2, History * Width);
        float[] values = Samples.Normal(3, History * Width);
        var output = new float[queries.Length];
        var logSumExp = new float[Targets * Heads];
        CrossAttention.Forward(plan, queries, keys, values, output, logSumExp);
        var queryGradient = new float[queries.Length];
        var keyGradient = new float[keys.Length];
        var valueGradient = new float[values.Length];
        scratch.Trim();
        long before = GC.GetTotalAllocatedBytes(precise: true);

        CrossAttention.Backward(plan, queries, keys, values, output, logSumExp, output, queryGradient, keyGradient, valueGradient);

        Assert.That(scratch.PeakBytes + GC.GetTotalAllocatedBytes(precise: true) - before, Is.LessThan(Limit));
    }

    private static CrossAttentionShape Shape(int events) => new()
    {
        Targets = JaggedLayout.FromLengths(Targets),
        History = JaggedLayout.FromLengths(events),
        Heads = Heads,
        HeadWidth = Width,
        KeyValueHeads = 1,
    };

    private static (long Workspace, long Measured) Measure<T>()
        where T : unmanaged
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        ScratchPool scratch = ((ManagedKernels)context.Kernels).Scratch;
        CrossAttentionPlan plan = CrossAttention.Plan(context, Shape(Events));
        T[] queries = Samples.Normal<T>(1, Targets * Heads * Width);
        T[] keys = Samples.Normal<T>(2, Events * Width);
        T[] values = Samples.Normal<T>(3, Events * Width);
        var output = new T[queries.Length];
        scratch.Trim();
        long before = GC.GetTotalAllocatedBytes(precise: true);

        CrossAttention.Forward(plan, queries, keys, values, output);

        return (plan.WorkspaceBytes, scratch.PeakBytes + GC.GetTotalAllocatedBytes(precise: true) - before);
    }
}

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

    private static (long Workspace, long Measured) Measure<T>()
        where T : unmanaged
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        ScratchPool scratch = ((ManagedKernels)context.Kernels).Scratch;
        CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = JaggedLayout.FromLengths(Targets),
            History = JaggedLayout.FromLengths(Events),
            Heads = Heads,
            HeadWidth = Width,
            KeyValueHeads = 1,
        });
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

namespace LongSeqKernels.Models;

/// <summary>Consecutive history events of a batch with all of its targets: each target sees what it sees of the whole and lies in the part.</summary>
internal sealed class HistoryPart
{
    private HistoryPart(RequestBatch batch, AttentionPlan plan)
    {
        Batch = batch;
        Plan = plan;
    }

    /// <summary>The part as a batch; its columns are views of the whole's.</summary>
    public RequestBatch Batch { get; }

    /// <summary>How the attention runs over it.</summary>
    public AttentionPlan Plan { get; }

    /// <summary>Cuts a batch's history into parts of at most <paramref name="maxEvents"/> events, across the borders of segments.</summary>
    public static HistoryPart[] Cut(LongSeqContext context, StcaConfig config, RequestBatch batch, int maxEvents, AttentionForm form)
    {
        var parts = new HistoryPart[(int)((batch.History.Total + maxEvents - 1) / maxEvents)];
        for (int i = 0; i < parts.Length; i++)
        {
            long first = (long)i * maxEvents;
            RequestBatch part = Slice(batch, first, Math.Min(maxEvents, batch.History.Total - first));
            parts[i] = new HistoryPart(part, AttentionPlan.Make(context, config, part, form));
        }
        return parts;
    }

    private static RequestBatch Slice(RequestBatch batch, long first, long count)
    {
        var lengths = new long[batch.History.Count];
        var limits = new long[batch.Targets.Total];
        for (int segment = 0; segment < lengths.Length; segment++)
        {
            long start = Math.Max(first, batch.History.Start(segment));
            long end = Math.Min(first + count, batch.History.Start(segment + 1));
            lengths[segment] = Math.Max(0, end - start);
            long before = start - batch.History.Start(segment);
            for (long target = batch.Targets.Start(segment); target < batch.Targets.Start(segment + 1); target++)
            {
                long limit = batch.HistoryLimits.IsEmpty ? long.MaxValue : batch.HistoryLimits.Span[(int)target];
                limits[target] = Math.Clamp(limit - before, 0, lengths[segment]);
            }
        }
        return new RequestBatch
        {
            History = JaggedLayout.FromLengths(lengths),
            HistoryItems = batch.HistoryItems.Slice((int)first, (int)count),
            HistoryActions = batch.HistoryActions.IsEmpty ? default : batch.HistoryActions.Slice((int)first, (int)count),
            HistoryTimes = batch.HistoryTimes.Slice((int)first, (int)count),
            RequestTimes = batch.RequestTimes,
            Targets = batch.Targets,
            TargetItems = batch.TargetItems,
            HistoryLimits = limits,
            Requests = batch.Requests,
        };
    }
}

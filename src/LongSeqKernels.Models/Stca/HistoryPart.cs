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
            RequestBatch part = batch.HistorySlice(first, Math.Min(maxEvents, batch.History.Total - first));
            parts[i] = new HistoryPart(part, AttentionPlan.Make(context, config, form, config.Score, part.Targets, part.History, part.HistoryLimits));
        }
        return parts;
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// Requests to score or to train on, batched at request level: a segment is one user's history, stored once, and all targets of all requests in it read
/// that history (request-level batching, arXiv 2511.06077, section 3.2). Several requests of one user share a segment through
/// <see cref="HistoryLimits"/>: a target sees only the events before its own request. A point-wise batch is one with a single target per segment.
/// </summary>
public sealed class RequestBatch
{
    /// <summary>History events per segment, oldest first.</summary>
    public required JaggedLayout History { get; init; }

    /// <summary>Item of each history event <c>[L]</c>.</summary>
    public required ReadOnlyMemory<int> HistoryItems { get; init; }

    /// <summary>Action of each history event <c>[L]</c>, or empty when the model has one kind of action.</summary>
    public ReadOnlyMemory<int> HistoryActions { get; init; }

    /// <summary>Unix seconds of each history event <c>[L]</c>.</summary>
    public required ReadOnlyMemory<long> HistoryTimes { get; init; }

    /// <summary>The time that a segment's gaps are counted to <c>[segments]</c>: that of its latest request.</summary>
    public required ReadOnlyMemory<long> RequestTimes { get; init; }

    /// <summary>Targets per segment.</summary>
    public required JaggedLayout Targets { get; init; }

    /// <summary>Item of each target <c>[T]</c>.</summary>
    public required ReadOnlyMemory<int> TargetItems { get; init; }

    /// <summary>How many of its segment's first events each target sees <c>[T]</c>, or empty when all targets see all.</summary>
    public ReadOnlyMemory<long> HistoryLimits { get; init; }

    /// <summary>Dense features of each target beside its item (its recent popularity, say) <c>[T, ContextWidth]</c>; empty when the model has none.</summary>
    public ReadOnlyMemory<float> TargetContext { get; init; }

    /// <summary>
    /// Targets per request, cutting <c>T</c> in order; requests do not cross segments. The loss is a mean over the targets of a request, then over requests.
    /// </summary>
    public required JaggedLayout Requests { get; init; }

    /// <summary>
    /// Natural log of the probability with which the sampler draws each target as a candidate <c>[T]</c> (any constant may be added per request), subtracted from
    /// the logits by the sampled-softmax loss; empty for uniform sampling. Scores are never corrected.
    /// </summary>
    public ReadOnlyMemory<float> TargetLogProbabilities { get; init; }

    /// <summary>Label of each target <c>[T]</c>, 0 to 1; empty when scoring.</summary>
    public ReadOnlyMemory<float> Labels { get; init; }

    /// <summary>
    /// Consecutive history events, across the borders of segments, with all targets: each sees what it sees of the whole and lies in the slice. The columns are views.
    /// </summary>
    internal RequestBatch HistorySlice(long first, long count)
    {
        var lengths = new long[History.Count];
        var limits = new long[Targets.Total];
        for (int segment = 0; segment < lengths.Length; segment++)
        {
            long start = Math.Max(first, History.Start(segment));
            long end = Math.Min(first + count, History.Start(segment + 1));
            lengths[segment] = Math.Max(0, end - start);
            long before = start - History.Start(segment);
            for (long target = Targets.Start(segment); target < Targets.Start(segment + 1); target++)
            {
                long limit = HistoryLimits.IsEmpty ? long.MaxValue : HistoryLimits.Span[(int)target];
                limits[target] = Math.Clamp(limit - before, 0, lengths[segment]);
            }
        }
        return new RequestBatch
        {
            History = JaggedLayout.FromLengths(lengths),
            HistoryItems = HistoryItems.Slice((int)first, (int)count),
            HistoryActions = HistoryActions.IsEmpty ? default : HistoryActions.Slice((int)first, (int)count),
            HistoryTimes = HistoryTimes.Slice((int)first, (int)count),
            RequestTimes = RequestTimes,
            Targets = Targets,
            TargetItems = TargetItems,
            HistoryLimits = limits,
            Requests = Requests,
        };
    }
}

namespace LongSeqKernels.Models;

/// <summary>Batches without request-level batching, to compare with.</summary>
public static class PointwiseBatch
{
    /// <summary>
    /// The same targets, each with a copy of the events that it sees as a segment and a request of its own. Where all requests have equally many targets, the loss of a binary cross
    /// entropy and the gradients are the same as those of the batch at request level, up to rounding.
    /// </summary>
    /// <param name="batch">A batch at request level.</param>
    public static RequestBatch Of(RequestBatch batch)
    {
        int targets = (int)batch.Targets.Total;
        var starts = new int[targets];
        var lengths = new long[targets];
        var times = new long[targets];
        for (int segment = 0; segment < batch.Targets.Count; segment++)
        {
            for (int target = (int)batch.Targets.Start(segment); target < batch.Targets.Start(segment + 1); target++)
            {
                starts[target] = (int)batch.History.Start(segment);
                lengths[target] = batch.HistoryLimits.IsEmpty ? batch.History.Length(segment) : batch.HistoryLimits.Span[target];
                times[target] = batch.RequestTimes.Span[segment];
            }
        }
        var history = JaggedLayout.FromLengths(lengths);
        var each = JaggedLayout.Uniform(targets, 1);
        return new RequestBatch
        {
            History = history,
            HistoryItems = Copied(batch.HistoryItems, starts, history),
            HistoryActions = Copied(batch.HistoryActions, starts, history),
            HistoryTimes = Copied(batch.HistoryTimes, starts, history),
            RequestTimes = times,
            Targets = each,
            TargetItems = batch.TargetItems,
            TargetContext = batch.TargetContext,
            TargetLogProbabilities = batch.TargetLogProbabilities,
            Requests = each,
            Labels = batch.Labels,
        };
    }

    private static T[] Copied<T>(ReadOnlyMemory<T> column, int[] starts, JaggedLayout history)
    {
        if (column.IsEmpty)
        {
            return [];
        }
        var values = new T[history.Total];
        for (int segment = 0; segment < starts.Length; segment++)
        {
            column.Span.Slice(starts[segment], (int)history.Length(segment)).CopyTo(values.AsSpan((int)history.Start(segment)));
        }
        return values;
    }
}

namespace LongSeqKernels.Models.Tests;

/// <summary>Batches made of others.</summary>
internal static class BatchEdits
{
    /// <summary>The same targets with other items in the history, of which all see as many.</summary>
    public static RequestBatch WithLimit(RequestBatch batch, ReadOnlyMemory<int> items, long limit)
    {
        var limits = new long[batch.TargetItems.Length];
        Array.Fill(limits, limit);
        return new RequestBatch
        {
            History = batch.History,
            HistoryItems = items,
            HistoryActions = batch.HistoryActions,
            HistoryTimes = batch.HistoryTimes,
            RequestTimes = batch.RequestTimes,
            Targets = batch.Targets,
            TargetItems = batch.TargetItems,
            TargetContext = batch.TargetContext,
            HistoryLimits = limits,
            Requests = batch.Requests,
        };
    }

    /// <summary>The targets of one batch, with labels, over a history of another, none of which they see.</summary>
    public static RequestBatch WithHiddenHistory(RequestBatch targets, RequestBatch history) => new()
    {
        History = history.History,
        HistoryItems = history.HistoryItems,
        HistoryActions = history.HistoryActions,
        HistoryTimes = history.HistoryTimes,
        RequestTimes = history.RequestTimes,
        Targets = targets.Targets,
        TargetItems = targets.TargetItems,
        TargetContext = targets.TargetContext,
        HistoryLimits = new long[targets.TargetItems.Length],
        Requests = targets.Requests,
        Labels = targets.Labels,
    };

    /// <summary>Every target with its own copy of the events that it sees.</summary>
    public static RequestBatch PointWise(RequestBatch batch)
    {
        var items = new List<int>();
        var actions = new List<int>();
        var times = new List<long>();
        var requestTimes = new List<long>();
        var lengths = new List<long>();
        for (int segment = 0; segment < batch.History.Count; segment++)
        {
            for (long target = batch.Targets.Start(segment); target < batch.Targets.Start(segment + 1); target++)
            {
                long limit = batch.HistoryLimits.Span[(int)target];
                for (long row = batch.History.Start(segment); row < batch.History.Start(segment) + limit; row++)
                {
                    items.Add(batch.HistoryItems.Span[(int)row]);
                    if (!batch.HistoryActions.IsEmpty)
                    {
                        actions.Add(batch.HistoryActions.Span[(int)row]);
                    }
                    times.Add(batch.HistoryTimes.Span[(int)row]);
                }
                requestTimes.Add(batch.RequestTimes.Span[segment]);
                lengths.Add(limit);
            }
        }
        return new RequestBatch
        {
            History = JaggedLayout.FromLengths([.. lengths]),
            HistoryItems = items.ToArray(),
            HistoryActions = actions.ToArray(),
            HistoryTimes = times.ToArray(),
            RequestTimes = requestTimes.ToArray(),
            Targets = JaggedLayout.Uniform(lengths.Count, 1),
            TargetItems = batch.TargetItems,
            TargetContext = batch.TargetContext,
            Requests = batch.Requests,
            Labels = batch.Labels,
        };
    }

    /// <summary>Two batches of one segment as one.</summary>
    public static RequestBatch Concatenate(RequestBatch first, RequestBatch second) => new()
    {
        History = JaggedLayout.FromLengths(first.History.Total, second.History.Total),
        HistoryItems = Join(first.HistoryItems, second.HistoryItems),
        HistoryActions = Join(first.HistoryActions, second.HistoryActions),
        HistoryTimes = Join(first.HistoryTimes, second.HistoryTimes),
        RequestTimes = Join(first.RequestTimes, second.RequestTimes),
        Targets = JaggedLayout.FromLengths(first.Targets.Total, second.Targets.Total),
        TargetItems = Join(first.TargetItems, second.TargetItems),
        TargetContext = Join(first.TargetContext, second.TargetContext),
        HistoryLimits = Join(first.HistoryLimits, second.HistoryLimits),
        Requests = JaggedLayout.FromLengths(first.Targets.Total, second.Targets.Total),
    };

    private static T[] Join<T>(ReadOnlyMemory<T> first, ReadOnlyMemory<T> second) => [.. first.ToArray(), .. second.ToArray()];
}

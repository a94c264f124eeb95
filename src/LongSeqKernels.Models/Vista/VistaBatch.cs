namespace LongSeqKernels.Models;

/// <summary>
/// Makes of a batch what a VISTA model reads. A summary is one of all events of a segment, so a segment whose targets see histories of several lengths (requests of one user at
/// several times) becomes one segment for each; and time gaps are counted as the configuration says.
/// </summary>
internal static class VistaBatch
{
    /// <summary>The same targets in the same order, with a segment for every history that some of them see and with times whose gaps are those of the configuration.</summary>
    /// <param name="config">How gaps are counted.</param>
    /// <param name="batch">Checked.</param>
    /// <param name="previousTime">The time of the event before the first, of a batch that goes on from earlier events of one user; null where there is none.</param>
    public static RequestBatch Prepare(VistaConfig config, RequestBatch batch, long? previousTime = null)
    {
        RequestBatch whole = batch.HistoryLimits.IsEmpty ? batch : Expand(config, batch);
        return config.TimeGaps is null || config.TimeReference == TimeReference.Request ? whole : Retime(config.TimeReference, whole, previousTime);
    }

    private static RequestBatch Expand(VistaConfig config, RequestBatch batch)
    {
        var segments = new List<int>();
        var historyLengths = new List<long>();
        var targetLengths = new List<long>();
        for (int segment = 0; segment < batch.History.Count; segment++)
        {
            long previous = -1;
            for (long target = batch.Targets.Start(segment); target < batch.Targets.Start(segment + 1); target++)
            {
                long limit = Math.Min(Limit(batch, target), batch.History.Length(segment));
                if (limit != previous)
                {
                    segments.Add(segment);
                    historyLengths.Add(limit);
                    targetLengths.Add(0);
                    previous = limit;
                }
                targetLengths[^1]++;
            }
        }
        JaggedLayout history = JaggedLayout.FromLengths([.. historyLengths]);
        return new RequestBatch
        {
            History = history,
            HistoryItems = Copy(batch, batch.HistoryItems, segments, history),
            HistoryActions = config.Actions == 1 ? default : Copy(batch, batch.HistoryActions, segments, history),
            HistoryTimes = Copy(batch, batch.HistoryTimes, segments, history),
            RequestTimes = segments.Select(segment => batch.RequestTimes.Span[segment]).ToArray(),
            Targets = JaggedLayout.FromLengths([.. targetLengths]),
            TargetItems = batch.TargetItems,
            TargetContext = batch.TargetContext,
            Requests = batch.Requests,
        };
    }

    private static long Limit(RequestBatch batch, long target)
    {
        long limit = batch.HistoryLimits.Span[(int)target];
        return limit >= 0 ? limit : throw Error.Range($"{nameof(batch.HistoryLimits)}[{target}]", limit, "0 or more");
    }

    private static T[] Copy<T>(RequestBatch batch, ReadOnlyMemory<T> column, List<int> segments, JaggedLayout history)
    {
        var copy = new T[history.Total];
        for (int i = 0; i < segments.Count; i++)
        {
            column.Span.Slice((int)batch.History.Start(segments[i]), (int)history.Length(i)).CopyTo(copy.AsSpan((int)history.Start(i)));
        }
        return copy;
    }

    private static RequestBatch Retime(TimeReference reference, RequestBatch batch, long? previousTime)
    {
        ReadOnlyMemory<long> times = batch.HistoryTimes;
        var requestTimes = new long[batch.History.Count];
        if (reference == TimeReference.PreviousEvent)
        {
            // A gap is the request's time minus the event's.
            times = GapsToPrevious(batch, previousTime);
        }
        else
        {
            for (int segment = 0; segment < requestTimes.Length; segment++)
            {
                requestTimes[segment] = batch.History.Length(segment) == 0 ? 0 : times.Span[(int)batch.History.Start(segment + 1) - 1];
            }
        }
        return new RequestBatch
        {
            History = batch.History,
            HistoryItems = batch.HistoryItems,
            HistoryActions = batch.HistoryActions,
            HistoryTimes = times,
            RequestTimes = requestTimes,
            Targets = batch.Targets,
            TargetItems = batch.TargetItems,
            TargetContext = batch.TargetContext,
            Requests = batch.Requests,
        };
    }

    private static long[] GapsToPrevious(RequestBatch batch, long? previousTime)
    {
        ReadOnlySpan<long> times = batch.HistoryTimes.Span;
        var gaps = new long[times.Length];
        if (previousTime is { } previous && gaps.Length > 0)
        {
            gaps[0] = previous - times[0];
        }
        for (int segment = 0; segment < batch.History.Count; segment++)
        {
            for (long row = batch.History.Start(segment) + 1; row < batch.History.Start(segment + 1); row++)
            {
                gaps[row] = times[(int)row - 1] - times[(int)row];
            }
        }
        return gaps;
    }
}

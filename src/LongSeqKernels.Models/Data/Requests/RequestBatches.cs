namespace LongSeqKernels.Models;

/// <summary>What a batch carries beside items and history.</summary>
[Flags]
public enum BatchContent
{
    /// <summary>Nothing more.</summary>
    None = 0,

    /// <summary>Labels: 1 for the first target of each request, 0 for the others.</summary>
    Labels = 1,

    /// <summary>The targets' popularity as a dense feature: <see cref="RequestBatch.TargetContext"/> of width 1.</summary>
    Popularity = 2,
}

/// <summary>Puts requests into batches.</summary>
public static class RequestBatches
{
    /// <summary>A window that takes in the whole history.</summary>
    public const int AllEvents = int.MaxValue;

    /// <summary>Makes a batch with a segment per request: each sees exactly the last <paramref name="window"/> events of its history.</summary>
    /// <param name="log">The log that the requests are of.</param>
    /// <param name="requests">The requests.</param>
    /// <param name="window">Most history events per request, 0 or more.</param>
    /// <param name="content">What the batch carries beside.</param>
    /// <exception cref="ArgumentException">A request does not fit the log.</exception>
    public static RequestBatch PerRequest(InteractionLog log, IReadOnlyList<Request> requests, int window, BatchContent content = BatchContent.None)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        var builder = new RequestBatchBuilder(log, content);
        for (int i = 0; i < requests.Count; i++)
        {
            builder.AddSegment([requests[i]], window);
        }
        return builder.Build();
    }

    /// <summary>Cuts requests into batches of bounded size, in their order.</summary>
    /// <param name="requests">The requests.</param>
    /// <param name="window">Most history events per request.</param>
    /// <param name="maxEvents">Most history events per batch; a longer history makes a batch of its own.</param>
    public static IEnumerable<IReadOnlyList<Request>> Split(IReadOnlyList<Request> requests, int window, long maxEvents)
    {
        var batch = new List<Request>();
        long events = 0;
        foreach (var request in requests)
        {
            // An empty history costs its targets still.
            long length = Math.Max(1, Math.Min(window, request.HistoryLength));
            if (batch.Count > 0 && events + length > maxEvents)
            {
                yield return batch;
                batch = [];
                events = 0;
            }
            batch.Add(request);
            events += length;
        }
        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}

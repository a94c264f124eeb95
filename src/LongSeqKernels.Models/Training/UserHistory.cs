namespace LongSeqKernels.Models;

/// <summary>One user's events, oldest first, and the time of a request.</summary>
public sealed class UserHistory
{
    /// <summary>Item of each event <c>[L]</c>.</summary>
    public required ReadOnlyMemory<int> Items { get; init; }

    /// <summary>Action of each event <c>[L]</c>, or empty when the model has one kind of action.</summary>
    public ReadOnlyMemory<int> Actions { get; init; }

    /// <summary>Unix seconds of each event <c>[L]</c>.</summary>
    public required ReadOnlyMemory<long> Times { get; init; }

    /// <summary>Unix seconds of the request.</summary>
    public required long RequestTime { get; init; }

    /// <summary>A batch of one request.</summary>
    internal RequestBatch Request(ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features)
    {
        JaggedLayout targets = JaggedLayout.Uniform(1, candidates.Length);
        return new RequestBatch
        {
            History = JaggedLayout.Uniform(1, Items.Length),
            HistoryItems = Items,
            HistoryActions = Actions,
            HistoryTimes = Times,
            RequestTimes = new[] { RequestTime },
            Targets = targets,
            TargetItems = candidates,
            TargetContext = features,
            Requests = targets,
        };
    }
}

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

    /// <summary>The newest events of a user of a log.</summary>
    /// <param name="log">The log; its columns are not copied.</param>
    /// <param name="user">Number of the user.</param>
    /// <param name="requestTime">Unix seconds of the request.</param>
    /// <param name="actions">Kinds of action that the model tells apart; with 1, the log's actions are left out.</param>
    /// <param name="maxEvents">Most events, 0 or more.</param>
    /// <exception cref="ArgumentException">The log has no such user, or the number of events is negative.</exception>
    public static UserHistory Of(InteractionLog log, int user, long requestTime, int actions, int maxEvents = int.MaxValue)
    {
        if ((uint)user >= (uint)log.Users.Count)
        {
            throw Error.Range(nameof(user), user, $"from 0 to {log.Users.Count - 1}");
        }
        int length = (int)Math.Min(Check.Rows(maxEvents), log.Users.Length(user));
        int first = (int)log.Users.Start(user + 1) - length;
        return new UserHistory
        {
            Items = log.Items.Slice(first, length),
            Actions = actions > 1 && !log.Actions.IsEmpty ? log.Actions.Slice(first, length) : default,
            Times = log.Times.Slice(first, length),
            RequestTime = requestTime,
        };
    }

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

    /// <summary>A batch of one segment for each user, without targets.</summary>
    internal static RequestBatch Concatenate(IReadOnlyList<UserHistory> histories) => new()
    {
        History = JaggedLayout.FromLengths([.. histories.Select(history => (long)history.Items.Length)]),
        HistoryItems = Join(histories, history => history.Items),
        HistoryActions = Join(histories, history => history.Actions),
        HistoryTimes = Join(histories, history => history.Times),
        RequestTimes = histories.Select(history => history.RequestTime).ToArray(),
        Targets = JaggedLayout.Uniform(histories.Count, 0),
        TargetItems = default,
        Requests = JaggedLayout.Uniform(histories.Count, 0),
    };

    private static T[] Join<T>(IReadOnlyList<UserHistory> histories, Func<UserHistory, ReadOnlyMemory<T>> column)
    {
        var joined = new T[histories.Sum(history => (long)column(history).Length)];
        int place = 0;
        foreach (UserHistory history in histories)
        {
            column(history).Span.CopyTo(joined.AsSpan(place));
            place += column(history).Length;
        }
        return joined;
    }
}

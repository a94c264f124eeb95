namespace LongSeqKernels.Serving;

/// <summary>Cuts the users of a log into batches that take about the same time.</summary>
public static class UserBatches
{
    /// <summary>Consecutive users, at most so many and with at most so many events together; a user with more is a batch of its own. Users without events are in none.</summary>
    /// <param name="users">Events per user.</param>
    /// <param name="maxUsers">Most users of a batch, 1 or more: all their summaries are written in one transaction.</param>
    /// <param name="maxEvents">Most events of a batch of several users, 1 or more.</param>
    /// <exception cref="ArgumentException">A limit is out of range.</exception>
    public static IReadOnlyList<UserBatch> Of(JaggedLayout users, int maxUsers = 64, long maxEvents = 1 << 18)
    {
        if (maxUsers < 1)
        {
            throw Error.Range(nameof(maxUsers), maxUsers, "1 or more");
        }
        if (maxEvents < 1)
        {
            throw Error.Range(nameof(maxEvents), maxEvents, "1 or more");
        }
        var batches = new List<UserBatch>();
        UserBatch open = default;
        for (int user = 0; user < users.Count; user++)
        {
            long events = users.Length(user);
            if (open.Users > 0 && (events == 0 || open.Users == maxUsers || open.Events + events > maxEvents))
            {
                batches.Add(open);
                open = default;
            }
            if (events > 0)
            {
                open = open.Users == 0 ? new UserBatch(user, 1, events) : open with { Users = open.Users + 1, Events = open.Events + events };
            }
        }
        if (open.Users > 0)
        {
            batches.Add(open);
        }
        return batches;
    }
}

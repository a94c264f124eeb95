namespace LongSeqKernels.Models;

/// <summary>Fixed sets of requests: to evaluate with, or to fit a baseline to.</summary>
public static class TestRequests
{
    /// <summary>
    /// Draws requests, the same number from each user of the part that has so many, fewer where it has fewer, in the order of user and history. A user's requests depend on the
    /// seed and the user alone.
    /// </summary>
    /// <param name="maker">Makes the requests.</param>
    /// <param name="perUser">Most requests per user, 1 or more.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="part">Of which part.</param>
    /// <exception cref="InvalidDataException">No user of the log has a request of that part.</exception>
    public static IReadOnlyList<Request> Draw(RequestMaker maker, int perUser, long seed, LogPart part = LogPart.Test)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(perUser, 1);
        var requests = new List<Request>();
        for (int user = 0; user < maker.Log.Users.Count; user++)
        {
            var (start, end) = maker.Positions(user, part);
            if (end <= start)
            {
                continue;
            }
            var random = new RandomStream(seed, user);
            int[] positions = [.. Enumerable.Range(start, end - start)];
            random.Shuffle<int>(positions);
            requests.AddRange(positions
                .Select(position => (Position: position, Request: maker.TryMake(user, position, part, random)))
                .Where(made => made.Request is not null)
                .Take(perUser)
                .OrderBy(made => made.Request!.HistoryLength).ThenBy(made => made.Position)
                .Select(made => made.Request!));
        }
        return requests.Count > 0 ? requests : throw new InvalidDataException(
            $"{maker.Log.Source} has no requests to {(part == LogPart.Test ? "test" : "train")} with: its longest history has {maker.Log.Users.MaxLength} events; "
            + $"the protocol asks for {maker.Protocol.MinHistory} before a test request, {maker.Protocol.TrainMinHistory} before a training request, "
            + $"{maker.Protocol.MinTestUserEvents} of a tested user, and {maker.Protocol.Negatives} other items in the pool's last {maker.Protocol.PoolWindow} events.");
    }
}

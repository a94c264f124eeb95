using LongSeqKernels.Models;

namespace LongSeqKernels.Serving.Tests.Victim;

/// <summary>What the killed process writes: batches whose records all tell the round that wrote them.</summary>
public static class VictimRecords
{
    public const string Version = "victim";
    public const int Users = 8;

    public static string User(int number) => $"user{number}";

    /// <summary>All users with contents of one round.</summary>
    public static SummaryRecord[] Batch(int round) => [.. Enumerable.Range(0, Users).Select(user => Record(user, round))];

    public static SummaryRecord Record(int user, int round)
    {
        var random = new Random((round * Users) + user);
        var codes = new byte[16 * 256];
        random.NextBytes(codes);
        var state = new byte[random.Next(5_000)];
        random.NextBytes(state);
        return new SummaryRecord
        {
            User = User(user),
            Version = Version,
            HistoryTime = round,
            HistoryLength = round,
            WrittenTime = 0,
            Summary = new UserSummary(16, 256, SummaryEncoding.Int8, codes, new float[16]),
            State = state,
        };
    }
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Serving.Tests;

/// <summary>Records for tests: any contents, the same for the same seed.</summary>
internal static class Records
{
    public const string Version = "vista-1";

    /// <summary>The int8 summary of 128 rows of 256 that the store is sized for.</summary>
    public static SummaryRecord Full(string user, int seed = 1) => Of(user, seed, tokens: 128, width: 256);

    public static SummaryRecord Of(
        string user, int seed = 1, int tokens = 4, int width = 6, SummaryEncoding encoding = SummaryEncoding.Int8, string version = Version, long historyTime = 1_000, long expiry = SummaryRecord.NeverExpires,
        int stateBytes = 0)
    {
        var random = new Random(seed);
        var codes = new byte[tokens * SummaryCodec.RowBytes(encoding, width)];
        random.NextBytes(codes);
        var scales = new float[tokens];
        for (int i = 0; i < tokens; i++)
        {
            scales[i] = random.NextSingle();
        }
        var state = new byte[stateBytes];
        random.NextBytes(state);
        return new SummaryRecord
        {
            User = user,
            Version = version,
            HistoryTime = historyTime,
            HistoryLength = 10_000 + seed,
            WrittenTime = 2_000 + seed,
            ExpiryTime = expiry,
            Summary = new UserSummary(tokens, width, encoding, codes, scales),
            State = state,
        };
    }

    /// <summary>Asserts that two records are the same to the bit.</summary>
    public static void AssertSame(SummaryRecord actual, SummaryRecord expected)
    {
        Assert.That(SummaryRecordFormat.Write(actual), Is.EqualTo(SummaryRecordFormat.Write(expected)));
        Assert.That(actual.State.ToArray(), Is.EqualTo(expected.State.ToArray()));
    }
}

using LongSeqKernels.Models;
using LongSeqKernels.Serving.Tests.Victim;

namespace LongSeqKernels.Serving.Tests;

/// <summary>Small logs for the work table's tests.</summary>
internal static class Logs
{
    /// <summary>Users of 1 to 30 events; the first items of up to 1,000 users differ.</summary>
    public static InteractionLog Make(int users, int seed = 1, long firstTime = 1_000)
    {
        var random = new Random(seed);
        long[] lengths = [.. Enumerable.Range(0, users).Select(_ => (long)random.Next(1, 31))];
        var items = new List<int>();
        var times = new List<long>();
        for (int user = 0; user < users; user++)
        {
            for (int i = 0; i < lengths[user]; i++)
            {
                items.Add(i == 0 ? user % 1_000 : random.Next(1_000));
                times.Add(firstTime + (10 * i));
            }
        }
        return Log(lengths, items, times);
    }

    /// <summary>The same log with events appended to a user.</summary>
    public static InteractionLog Extend(InteractionLog log, int user, int events)
    {
        long[] lengths = [.. Enumerable.Range(0, log.Users.Count).Select(log.Users.Length)];
        int end = (int)log.Users.Start(user + 1);
        lengths[user] += events;
        long last = log.Times.Span[end - 1];
        return Log(
            lengths,
            [.. log.Items.Span[..end], .. Enumerable.Range(500, events), .. log.Items.Span[end..]],
            [.. log.Times.Span[..end], .. Enumerable.Range(1, events).Select(i => last + i), .. log.Times.Span[end..]]);
    }

    /// <summary>Asserts that a store has the whole summary of every user, and of nobody else.</summary>
    public static async Task AssertSummarisedAsync(ISummaryStore store, InteractionLog log, string version)
    {
        SummaryLookup[] found = await store.GetBatchAsync([.. log.UserNames], version, RecordParts.SummaryAndState);
        for (int user = 0; user < log.Users.Count; user++)
        {
            ReadOnlyMemory<int> items = log.Items[(int)log.Users.Start(user)..(int)log.Users.Start(user + 1)];
            SummaryRecord record = found[user].Require();
            SummarisedUser expected = new MadeUpSummariser().Summarise(new UserHistory { Items = items, Times = new long[items.Length], RequestTime = 0 }, null);
            Assert.That(record.HistoryLength, Is.EqualTo(items.Length));
            Assert.That(record.HistoryTime, Is.EqualTo(log.Times.Span[(int)log.Users.Start(user + 1) - 1]));
            Assert.That(record.Summary.Codes.ToArray(), Is.EqualTo(expected.Summary.Codes.ToArray()));
            Assert.That(record.State.ToArray(), Is.EqualTo(expected.State.ToArray()));
        }
        Assert.That(await store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion(version, log.Users.Count)]));
    }

    private static InteractionLog Log(long[] lengths, List<int> items, List<long> times) => new()
    {
        Users = JaggedLayout.FromLengths(lengths),
        Items = items.ToArray(),
        Times = times.ToArray(),
        ItemCount = 1_000,
        UserNames = [.. Enumerable.Range(0, lengths.Length).Select(user => $"user{user}")],
        ItemNames = [.. Enumerable.Range(0, 1_000).Select(item => $"item{item}")],
    };
}

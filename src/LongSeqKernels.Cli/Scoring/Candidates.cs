using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The items that many users touched lately: what a retrieval stage would hand to a ranker.</summary>
internal static class Candidates
{
    /// <summary>The items most touched in the last events of the pool in which the user was last active; fewer when the pool has fewer.</summary>
    /// <param name="log">The log.</param>
    /// <param name="user">Number of the user, who has a history.</param>
    /// <param name="count">Most items.</param>
    /// <param name="lastEvents">How many of the pool's last events are looked at.</param>
    public static int[] Popular(InteractionLog log, int user, int count, int lastEvents)
    {
        int lastItem = log.Items.Span[(int)log.Users.Start(user + 1) - 1];
        int pool = Pool(log, lastItem);
        // The newest events of the pool, kept in a heap by time.
        var newest = new PriorityQueue<int, (long Time, int Event)>();
        ReadOnlySpan<int> items = log.Items.Span;
        ReadOnlySpan<long> times = log.Times.Span;
        for (int i = 0; i < items.Length; i++)
        {
            if (Pool(log, items[i]) != pool)
            {
                continue;
            }
            if (newest.Count < lastEvents)
            {
                newest.Enqueue(items[i], (times[i], i));
            }
            else
            {
                newest.EnqueueDequeue(items[i], (times[i], i));
            }
        }
        return [.. newest.UnorderedItems
            .GroupBy(entry => entry.Element)
            .OrderByDescending(item => item.Count())
            .ThenBy(item => item.Key)
            .Take(count)
            .Select(item => item.Key)];
    }

    private static int Pool(InteractionLog log, int item) => log.ItemPools.IsEmpty ? 0 : log.ItemPools.Span[item];
}

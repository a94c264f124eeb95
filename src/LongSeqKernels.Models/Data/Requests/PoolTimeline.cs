namespace LongSeqKernels.Models;

/// <summary>The events of a pool over all users, in the order of time; at equal times in the order of the log.</summary>
internal sealed class PoolTimeline
{
    private readonly long[] _times;
    private readonly int[] _items;
    private readonly int[] _users;

    private PoolTimeline(long[] times, int[] items, int[] users)
    {
        _times = times;
        _items = items;
        _users = users;
    }

    /// <summary>One timeline per pool.</summary>
    public static PoolTimeline[] All(InteractionLog log)
    {
        var counts = new int[log.PoolCount];
        var items = log.Items.Span;
        var pools = log.ItemPools.Span;
        foreach (int item in items)
        {
            counts[pools.IsEmpty ? 0 : pools[item]]++;
        }
        var events = Array.ConvertAll(counts, count => new int[count]);
        var users = new int[items.Length];
        Array.Clear(counts);
        for (int user = 0; user < log.Users.Count; user++)
        {
            for (int i = (int)log.Users.Start(user); i < (int)log.Users.Offsets[user + 1]; i++)
            {
                int pool = pools.IsEmpty ? 0 : pools[items[i]];
                events[pool][counts[pool]++] = i;
                users[i] = user;
            }
        }
        return Array.ConvertAll(events, pool => Sorted(pool, log, users));
    }

    /// <summary>The last <paramref name="count"/> events strictly before <paramref name="time"/>.</summary>
    public Window Before(long time, int count)
    {
        int end = LowerBound(time);
        int start = Math.Max(0, end - count);
        return new Window(_items.AsSpan(start, end - start), _users.AsSpan(start, end - start));
    }

    private static PoolTimeline Sorted(int[] events, InteractionLog log, int[] users)
    {
        var times = Array.ConvertAll(events, i => log.Times.Span[i]);
        // Sorting numbers by (time, number) is stable, as the numbers are unique and in the order of the log.
        var keys = new (long Time, int Event)[events.Length];
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = (times[i], events[i]);
        }
        Array.Sort(keys);
        return new PoolTimeline(
            Array.ConvertAll(keys, key => key.Time), Array.ConvertAll(keys, key => log.Items.Span[key.Event]), Array.ConvertAll(keys, key => users[key.Event]));
    }

    private int LowerBound(long time)
    {
        int low = 0;
        int high = _times.Length;
        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            (low, high) = _times[middle] < time ? (middle + 1, high) : (low, middle);
        }
        return low;
    }

    /// <summary>Consecutive events.</summary>
    internal readonly ref struct Window(ReadOnlySpan<int> items, ReadOnlySpan<int> users)
    {
        /// <summary>Item of each event.</summary>
        public ReadOnlySpan<int> Items { get; } = items;

        /// <summary>User of each event.</summary>
        public ReadOnlySpan<int> Users { get; } = users;
    }
}

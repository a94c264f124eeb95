namespace LongSeqKernels.Models;

/// <summary>
/// How alike items are by the histories that they occur in: the number of pairs of a user's events of both items at most <see cref="Reach"/> events apart, over the geometric
/// mean of their numbers of events. Counted on the first share of every history.
/// </summary>
internal sealed class CoOccurrenceCounts
{
    /// <summary>Events that far apart, or less, are a pair.</summary>
    public const int Reach = 10;

    private readonly JaggedLayout _rows;
    private readonly int[] _neighbours;
    private readonly float[] _likeness;

    private CoOccurrenceCounts(JaggedLayout rows, int[] neighbours, float[] likeness)
    {
        _rows = rows;
        _neighbours = neighbours;
        _likeness = likeness;
    }

    /// <summary>Counts.</summary>
    /// <param name="log">The log.</param>
    /// <param name="share">Share of every history that is counted.</param>
    /// <param name="cancellation">Stops between two users.</param>
    public static CoOccurrenceCounts Of(InteractionLog log, double share, CancellationToken cancellation)
    {
        var events = new int[log.ItemCount];
        var pairs = new List<long>();
        ReadOnlySpan<int> items = log.Items.Span;
        for (int user = 0; user < log.Users.Count; user++)
        {
            cancellation.ThrowIfCancellationRequested();
            int first = (int)log.Users.Start(user);
            int end = first + (int)(share * log.Users.Length(user));
            for (int i = first; i < end; i++)
            {
                events[items[i]]++;
                for (int j = Math.Max(first, i - Reach); j < i; j++)
                {
                    pairs.Add(((long)items[i] * log.ItemCount) + items[j]);
                    if (items[i] != items[j])
                    {
                        pairs.Add(((long)items[j] * log.ItemCount) + items[i]);
                    }
                }
            }
        }
        pairs.Sort();
        return Gathered(pairs, events);
    }

    /// <summary>Sum of the likenesses of an item to those of a history.</summary>
    /// <param name="item">The item.</param>
    /// <param name="history">How often each item is in the history.</param>
    public double Sum(int item, IReadOnlyDictionary<int, int> history)
    {
        double sum = 0;
        for (int i = (int)_rows.Start(item); i < (int)_rows.Start(item + 1); i++)
        {
            sum += history.TryGetValue(_neighbours[i], out int count) ? (double)count * _likeness[i] : 0;
        }
        return sum;
    }

    private static CoOccurrenceCounts Gathered(List<long> sortedPairs, int[] events)
    {
        var neighbours = new List<int>();
        var likeness = new List<float>();
        var lengths = new long[events.Length];
        for (int i = 0; i < sortedPairs.Count;)
        {
            int start = i;
            while (i < sortedPairs.Count && sortedPairs[i] == sortedPairs[start])
            {
                i++;
            }
            var (item, neighbour) = Math.DivRem(sortedPairs[start], events.Length);
            lengths[item]++;
            neighbours.Add((int)neighbour);
            likeness.Add((float)((i - start) / Math.Sqrt((double)events[item] * events[neighbour])));
        }
        return new CoOccurrenceCounts(JaggedLayout.FromLengths(lengths), [.. neighbours], [.. likeness]);
    }
}

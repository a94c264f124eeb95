namespace LongSeqKernels.Models;

/// <summary>Where the baskets of a log begin and end. A basket is a user's: the same number at another user is another basket.</summary>
internal sealed class BasketIndex
{
    private readonly InteractionLog _log;
    private readonly int[]? _starts;
    private readonly int[]? _ends;

    public BasketIndex(InteractionLog log)
    {
        _log = log;
        if (log.Baskets.IsEmpty)
        {
            return;
        }
        _starts = new int[log.EventCount];
        _ends = new int[log.EventCount];
        var baskets = log.Baskets.Span;
        var bounds = new Dictionary<long, (int Start, int End)>();
        for (int user = 0; user < log.Users.Count; user++)
        {
            bounds.Clear();
            int first = (int)log.Users.Start(user);
            int end = (int)log.Users.Offsets[user + 1];
            for (int i = first; i < end; i++)
            {
                bounds[baskets[i]] = (bounds.TryGetValue(baskets[i], out var known) ? known.Start : i, i + 1);
            }
            for (int i = first; i < end; i++)
            {
                (_starts[i], _ends[i]) = bounds[baskets[i]];
            }
        }
    }

    /// <summary>The first event of the basket that event <paramref name="i"/> belongs to.</summary>
    public int Start(int i) => _starts?[i] ?? i;

    /// <summary>One past the last event of that basket. Between the two there may be events of other baskets.</summary>
    public int End(int i) => _ends?[i] ?? i + 1;

    /// <summary>Adds the items of that basket to <paramref name="items"/>.</summary>
    public void AddItems(int i, ISet<int> items)
    {
        for (int j = Start(i); j < End(i); j++)
        {
            if (j == i || _log.Baskets.Span[j] == _log.Baskets.Span[i])
            {
                items.Add(_log.Items.Span[j]);
            }
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// Seven features of a target per history window, made by hand: n, the number of the history's events with the target's item, as ln(1 + n); 1 / (1 + r), where r is how
/// many events ago the last of them was; ln(1 + r); whether there is one; the number and the recency of events of the target's category, likewise; the
/// target's popularity.
/// </summary>
internal sealed class LogitFeatures(ReadOnlyMemory<int> itemCategories, IReadOnlyList<int> windows)
{
    /// <summary>Features per window.</summary>
    public const int PerWindow = 7;

    /// <summary>Features per target.</summary>
    public int Count => windows.Count * PerWindow;

    /// <summary>Computes the features of a request's targets <c>[targets, Count]</c>.</summary>
    /// <param name="history">Items of the history, oldest first; a window is a suffix of it.</param>
    /// <param name="targets">Items of the targets.</param>
    /// <param name="popularity">Popularity of each target.</param>
    /// <param name="features">The result.</param>
    public void Compute(ReadOnlySpan<int> history, ReadOnlySpan<int> targets, ReadOnlySpan<float> popularity, Span<float> features)
    {
        var categories = itemCategories.Span;
        var byItem = new Dictionary<int, Occurrences>();
        var byCategory = new Dictionary<int, Occurrences>();
        foreach (int target in targets)
        {
            byItem.TryAdd(target, new Occurrences(windows.Count));
            byCategory.TryAdd(categories.IsEmpty ? 0 : categories[target], new Occurrences(windows.Count));
        }
        for (int ago = 0; ago < history.Length; ago++)
        {
            int item = history[history.Length - 1 - ago];
            if (byItem.TryGetValue(item, out var sameItem))
            {
                sameItem.Add(ago, windows);
            }
            if (!categories.IsEmpty && byCategory.TryGetValue(categories[item], out var sameCategory))
            {
                sameCategory.Add(ago, windows);
            }
        }
        for (int t = 0; t < targets.Length; t++)
        {
            var item = byItem[targets[t]];
            var category = byCategory[categories.IsEmpty ? 0 : categories[targets[t]]];
            for (int w = 0; w < windows.Count; w++)
            {
                int seen = Math.Min(windows[w], history.Length);
                var of = features.Slice((t * Count) + (w * PerWindow), PerWindow);
                bool found = item.Counts[w] > 0;
                of[0] = MathF.Log(1 + item.Counts[w]);
                of[1] = found ? 1f / (1 + item.Last) : 0;
                of[2] = MathF.Log(1 + (found ? item.Last : seen));
                of[3] = found ? 1 : 0;
                of[4] = MathF.Log(1 + category.Counts[w]);
                of[5] = MathF.Log(1 + (category.Counts[w] > 0 ? category.Last : seen));
                of[6] = popularity[t];
            }
        }
    }

    /// <summary>How often something occurs in each window, and how many events ago it was last.</summary>
    private sealed class Occurrences(int windowCount)
    {
        public int[] Counts { get; } = new int[windowCount];

        public int Last { get; private set; } = -1;

        public void Add(int ago, IReadOnlyList<int> windows)
        {
            Last = Last < 0 ? ago : Last;
            // Windows grow: only those that reach this far back count it.
            for (int w = windows.Count - 1; w >= 0 && windows[w] > ago; w--)
            {
                Counts[w]++;
            }
        }
    }
}

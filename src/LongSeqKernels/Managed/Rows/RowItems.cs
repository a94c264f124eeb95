namespace LongSeqKernels;

/// <summary>How rows are dealt out to threads when they are independent of each other: items of equal size, large enough to be worth a thread's while.</summary>
internal readonly struct RowItems
{
    private const long ElementsPerItem = 1 << 14;

    /// <param name="rows">Rows in all; 0 or more.</param>
    /// <param name="width">Elements touched for one row.</param>
    public RowItems(long rows, long width)
    {
        Rows = rows;
        PerItem = Math.Max(1, ElementsPerItem / Math.Max(1, width));
        Count = checked((int)((rows + PerItem - 1) / PerItem));
    }

    /// <summary>Rows in all.</summary>
    public long Rows { get; }

    /// <summary>Rows of one item; the last may have fewer.</summary>
    public long PerItem { get; }

    /// <summary>Number of items.</summary>
    public int Count { get; }

    /// <summary>First row of an item.</summary>
    public long Begin(int item) => item * PerItem;

    /// <summary>The row after an item's last.</summary>
    public long End(int item) => Math.Min(Rows, (item + 1L) * PerItem);
}

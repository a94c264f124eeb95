namespace LongSeqKernels;

/// <summary>
/// Rows cut into pieces of equal length (the last may be shorter), by their number alone: sums over pieces, added in order, have the same bits on any
/// number of threads.
/// </summary>
internal readonly struct RowPieces
{
    private const long ElementsPerPiece = 1 << 14;

    /// <param name="rows">Rows in all; 0 or more.</param>
    /// <param name="length">Rows of a piece, 1 or more.</param>
    public RowPieces(long rows, long length)
    {
        Rows = rows;
        Length = length;
        Count = checked((int)((rows + length - 1) / length));
    }

    public long Rows { get; }

    /// <summary>Rows of a piece.</summary>
    public long Length { get; }

    /// <summary>Number of pieces.</summary>
    public int Count { get; }

    /// <summary>Pieces large enough to be worth a thread's while when <paramref name="width"/> elements are touched for one row.</summary>
    public static RowPieces OfElements(long rows, long width) => new(rows, Math.Max(1, ElementsPerPiece / Math.Max(1, width)));

    /// <summary>At most <paramref name="most"/> pieces of at least <paramref name="least"/> rows.</summary>
    public static RowPieces AtMost(long rows, int most, long least) => new(rows, Math.Max(least, (rows + most - 1) / most));

    /// <summary>First row of a piece.</summary>
    public long Begin(int piece) => piece * Length;

    /// <summary>The row after a piece's last.</summary>
    public long End(int piece) => Math.Min(Rows, (piece + 1) * Length);
}

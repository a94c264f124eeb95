namespace LongSeqKernels;

/// <summary>
/// How a matrix <c>[depth, width]</c> is packed for <see cref="RowTile{TSimd, TVector}"/>: panels of 64 columns, each <c>[depth, lanes]</c> in one piece;
/// the last panel has as many lanes as its columns need, in whole vectors of 16, the surplus zero.
/// </summary>
internal readonly struct Panels
{
    /// <summary>Columns of a panel.</summary>
    public const int Lanes = 64;

    /// <param name="depth">Rows of the matrix.</param>
    /// <param name="width">Columns of the matrix.</param>
    public Panels(int depth, int width)
    {
        Depth = depth;
        Width = width;
        Count = (width + Lanes - 1) / Lanes;
        PaddedWidth = Pad(width);
    }

    public int Depth { get; }

    public int Width { get; }

    /// <summary>Number of panels.</summary>
    public int Count { get; }

    /// <summary>Columns with the surplus of the last panel.</summary>
    public int PaddedWidth { get; }

    /// <summary>Floats of the whole packed matrix.</summary>
    public long Floats => (long)Depth * PaddedWidth;

    /// <summary>Columns rounded up to whole vectors of 16.</summary>
    public static int Pad(int width) => (width + 15) & ~15;

    /// <summary>
    /// Floats from one row to the next of a row-major scratch matrix: an odd number of cache lines, so that the rows of a column spread over all sets
    /// of the cache.
    /// </summary>
    public static int Stride(int width) => ((Pad(width) / 16) | 1) * 16;

    /// <summary>Whether rows so many floats apart can be read down a column without crowding a few sets of the cache.</summary>
    public static bool IsStride(int stride) => stride <= 256 || (stride / 16 % 2 == 1);

    /// <summary>Where panel <paramref name="panel"/> begins, in floats.</summary>
    public long Offset(int panel) => (long)panel * Lanes * Depth;

    /// <summary>Lanes of panel <paramref name="panel"/>: 64, or the rest.</summary>
    public int LanesOf(int panel) => Math.Min(Lanes, PaddedWidth - (panel * Lanes));

    /// <summary>Columns of the matrix in panel <paramref name="panel"/>, without surplus.</summary>
    public int ColumnsOf(int panel) => Math.Min(Lanes, Width - (panel * Lanes));
}

/// <summary>Whether a weight <c>[in, out]</c> is multiplied as it is stored or transposed, as the gradient of its input needs it.</summary>
internal enum WeightSide
{
    /// <summary>Panels of output columns.</summary>
    Stored,

    /// <summary>Panels of input rows.</summary>
    Transposed,
}

/// <summary>Packs a weight <c>[in, out]</c>; every panel is one item.</summary>
internal unsafe struct PackWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Columns of 16-bit weights that are widened at a time before they are transposed.</summary>
    private const int WidenedDepth = 48;

    public T* Weight;
    public WeightSide Side;

    /// <summary>Of the weight, or of its transpose.</summary>
    public Panels Panels;
    public float* Packed;

    public readonly void Execute(int item, int thread) => Pack(Weight, Side, Panels, item, Packed + Panels.Offset(item));

    /// <summary>Packs one panel.</summary>
    public static void Pack(T* weight, WeightSide side, Panels panels, int panel, float* packed)
    {
        int lanes = panels.LanesOf(panel);
        int columns = panels.ColumnsOf(panel);
        int first = panel * Panels.Lanes;
        if (side == WeightSide.Stored)
        {
            for (int x = 0; x < panels.Depth; x++)
            {
                float* row = packed + ((long)x * lanes);
                ElementRows<T>.Widen(weight + ((long)x * panels.Width) + first, row, columns);
                new Span<float>(row + columns, lanes - columns).Clear();
            }
            return;
        }
        if (typeof(T) == typeof(float))
        {
            Panel<TSimd, TVector>.FromRows((float*)weight + ((long)first * panels.Depth), panels.Depth, columns, panels.Depth, 1, packed, lanes);
            return;
        }
        float* rows = stackalloc float[Panels.Lanes * WidenedDepth];
        for (int x = 0; x < panels.Depth; x += WidenedDepth)
        {
            int depth = Math.Min(WidenedDepth, panels.Depth - x);
            for (int lane = 0; lane < columns; lane++)
            {
                ElementRows<T>.Widen(weight + ((long)(first + lane) * panels.Depth) + x, rows + (lane * WidenedDepth), depth);
            }
            Panel<TSimd, TVector>.FromRows(rows, WidenedDepth, columns, depth, 1, packed + ((long)x * lanes), lanes);
        }
    }
}

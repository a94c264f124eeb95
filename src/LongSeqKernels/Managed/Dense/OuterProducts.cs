using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>Whether a sum over rows may be cut into sums over parts of them.</summary>
internal enum RowSplit
{
    /// <summary>It may; the parts are added in order.</summary>
    Parts,

    /// <summary>It may not: the caller hands in the rows part by part.</summary>
    Whole,
}

/// <summary>
/// How <c>A^T P</c>, a sum over rows, is cut: tiles of the result, and splits of the rows where tiles alone are too few for many threads. Splits depend on
/// the shape alone and tiles change no sum, so the results have the same bits on any number of threads.
/// </summary>
internal readonly struct OuterProducts
{
    /// <summary>Rows that are packed and multiplied at a time; a tile's operands and sums stay in the L2 cache.</summary>
    public const int BlockRows = 192;

    private const int EnoughItems = 16;
    private const int LeastRows = 768;

    /// <param name="rows">Rows of A and P.</param>
    /// <param name="columns">Columns of A, rows of the result.</param>
    /// <param name="width">Columns of P and of the result.</param>
    /// <param name="wantedItems">Items that keep all threads busy: tiles are halved until there are as many.</param>
    /// <param name="split">Whether the rows may be split.</param>
    public OuterProducts(long rows, int columns, int width, int wantedItems, RowSplit split)
    {
        Columns = columns;
        Width = width;
        int tiles = Tiles(columns, TileSides[0]) * Tiles(width, TileSides[0]);
        long splits = split == RowSplit.Whole ? 1 : Math.Clamp(rows / LeastRows, 1, Math.Max(1, EnoughItems / tiles));
        int side = TileSides[0];
        for (int i = 1; i < TileSides.Length && tiles * splits < wantedItems; i++)
        {
            side = TileSides[i];
            tiles = Tiles(columns, side) * Tiles(width, side);
        }
        ColumnTiles = Tiles(columns, side);
        WidthTiles = Tiles(width, side);
        TileColumns = Side(columns, ColumnTiles);
        TileWidth = Side(width, WidthTiles);
        long splitRows = Math.Max(1, (rows + splits - 1) / splits);
        Splits = new RowPieces(rows, (splitRows + BlockRows - 1) / BlockRows * BlockRows);
    }

    /// <summary>Rows and columns of a tile at most.</summary>
    private static ReadOnlySpan<int> TileSides => [192, 128, 64];

    public int Columns { get; }

    public int Width { get; }

    public int ColumnTiles { get; }

    public int WidthTiles { get; }

    /// <summary>Rows of a tile, a multiple of 16.</summary>
    public int TileColumns { get; }

    /// <summary>Lanes of a tile, a multiple of 16.</summary>
    public int TileWidth { get; }

    public RowPieces Splits { get; }

    public int TilesPerSplit => ColumnTiles * WidthTiles;

    /// <summary>Floats of one tile of sums.</summary>
    public long TileFloats => (long)TileColumns * TileWidth;

    /// <summary>Floats of all sums: a tile for every split and tile, then a row of column sums of P for every split.</summary>
    public long SumFloats => Math.Max(1, Splits.Count) * ((TilesPerSplit * TileFloats) + (WidthTiles * TileWidth));

    /// <summary>Floats of packed operands of one thread.</summary>
    public long ScratchFloats => (long)BlockRows * (Panels.Stride(TileColumns) + Panels.Stride(TileWidth));

    private static int Tiles(int extent, int side) => (extent + side - 1) / side;

    private static int Side(int extent, int tiles) => Panels.Pad((extent + tiles - 1) / tiles);
}

/// <summary>Sums <c>A^T P</c> and, in passing, the columns of P. An item is one tile of one split.</summary>
internal unsafe struct OuterProductWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public OuterProducts Shape;

    /// <summary><c>[rows, columns]</c>; null when only the columns of P are summed.</summary>
    public T* A;

    /// <summary>Elements from one row of A to the next.</summary>
    public long StrideA;

    /// <summary><c>[rows, width]</c>.</summary>
    public T* P;

    /// <summary>Elements from one row of P to the next.</summary>
    public long StrideP;

    /// <summary>Whether A and P are fp32 scratch laid out for the product, P aligned and its rows padded: they are then not copied.</summary>
    public bool InPlace;

    /// <summary>Laid out as <see cref="OuterProducts.SumFloats"/> says.</summary>
    public float* Sums;

    /// <summary>Whether earlier sums are continued.</summary>
    public OutputMode Mode;

    /// <summary>As many ones as a tile has lanes.</summary>
    public float* Ones;
    public float* Scratch;
    public long ScratchStride;

    public readonly int Items => Shape.Splits.Count * Shape.TilesPerSplit;

    public readonly float* TileSums(int item) => Sums + (item * Shape.TileFloats);

    public readonly float* ColumnSums(int split) =>
        Sums + (Math.Max(1, Shape.Splits.Count) * Shape.TilesPerSplit * Shape.TileFloats) + ((long)split * Shape.WidthTiles * Shape.TileWidth);

    public readonly void Execute(int item, int thread)
    {
        int split = item / Shape.TilesPerSplit;
        int columnTile = item % Shape.TilesPerSplit / Shape.WidthTiles;
        int widthTile = item % Shape.WidthTiles;
        int column = columnTile * Shape.TileColumns;
        int lane = widthTile * Shape.TileWidth;
        int columns = Math.Min(Shape.TileColumns, Shape.Columns - column);
        int lanes = Math.Min(Shape.TileWidth, Shape.Width - lane);
        nint strideA = InPlace ? (nint)StrideA : Panels.Stride(Shape.TileColumns);
        nint strideP = InPlace ? (nint)StrideP : Panels.Stride(Shape.TileWidth);
        float* a = Scratch + (thread * ScratchStride);
        float* p = a + ((long)OuterProducts.BlockRows * strideA);
        float* sums = TileSums(item);
        float* columnSums = columnTile == 0 ? ColumnSums(split) + lane : null;
        bool add = Mode == OutputMode.Add;
        for (long row = Shape.Splits.Begin(split); row < Shape.Splits.End(split); row += OuterProducts.BlockRows, add = true)
        {
            int rows = (int)Math.Min(OuterProducts.BlockRows, Shape.Splits.End(split) - row);
            if (InPlace)
            {
                p = (float*)P + (row * StrideP) + lane;
                a = (float*)A + (row * StrideA) + column;
            }
            else
            {
                RowBlocks<T, TSimd, TVector>.Load(P + (row * StrideP) + lane, StrideP, rows, lanes, p, strideP);
            }
            if (columnSums != null)
            {
                SumColumns(p, strideP, rows, Panels.Pad(lanes), columnSums, add);
            }
            if (A != null && columns > 0)
            {
                if (!InPlace)
                {
                    RowBlocks<T, TSimd, TVector>.Load(A + (row * StrideA) + column, StrideA, rows, columns, a, strideA);
                }
                ColumnTile<TSimd, TVector>.Multiply(
                    columns, rows, Panels.Pad(lanes), a, strideA, p, strideP, sums, Shape.TileWidth, add ? Ones : null);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumColumns(float* p, nint stride, int rows, int lanes, float* sums, bool add)
    {
        for (int lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector sum = TSimd.Zero;
            for (int row = 0; row < rows; row++)
            {
                sum = TSimd.Add(sum, TSimd.Load(p + (row * stride) + lane));
            }
            TSimd.Store(add ? TSimd.Add(TSimd.Load(sums + lane), sum) : sum, sums + lane);
        }
    }
}

/// <summary>Adds the splits of every tile in order and stores the gradient. An item is one tile.</summary>
internal unsafe struct StoreProductWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public OuterProducts Shape;
    public float* Sums;

    /// <summary><c>[columns, width]</c>.</summary>
    public T* Output;
    public OutputMode Mode;

    public readonly void Execute(int item, int thread)
    {
        int column = item / Shape.WidthTiles * Shape.TileColumns;
        int lane = item % Shape.WidthTiles * Shape.TileWidth;
        int columns = Math.Min(Shape.TileColumns, Shape.Columns - column);
        int lanes = Math.Min(Shape.TileWidth, Shape.Width - lane);
        float* sums = Sums + (item * Shape.TileFloats);
        long splitStride = Shape.TilesPerSplit * Shape.TileFloats;
        for (int split = 1; split < Shape.Splits.Count; split++)
        {
            Parameters.Accumulate(sums, sums + (split * splitStride), (int)Shape.TileFloats);
        }
        for (int i = 0; i < columns; i++)
        {
            Parameters.Store(sums + ((long)i * Shape.TileWidth), new Span<T>(Output + ((long)(column + i) * Shape.Width) + lane, lanes), Mode);
        }
    }
}

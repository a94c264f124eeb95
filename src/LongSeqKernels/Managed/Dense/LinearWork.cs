namespace LongSeqKernels;

/// <summary>
/// Products of rows with a packed weight, <c>y = x W + b</c>. An item is a block of rows and a group of panels. Every number is summed over the whole
/// depth by one accumulator, so that neither blocks nor threads change it.
/// </summary>
internal unsafe struct LinearWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of a register tile: one at a time, so that its results are stored while the next one is multiplied.</summary>
    private const int TileRows = 6;

    /// <summary>The same for panels of fewer than 64 lanes.</summary>
    private const int NarrowTileRows = 16;

    public RowPieces Rows;
    public Panels Panels;
    public int PanelsPerItem;
    public T* Input;

    /// <summary>All panels; null when every item packs its own.</summary>
    public float* Packed;
    public T* Weight;
    public WeightSide Side;

    /// <summary>Padded with zeros to <see cref="Panels.PaddedWidth"/>; null for none.</summary>
    public float* Bias;
    public T* Output;
    public OutputMode Mode;

    /// <summary>Per thread: a tile of results, a block of fp32 input rows, a panel.</summary>
    public float* Scratch;
    public long ScratchStride;

    public readonly int Items => Rows.Count * PanelGroups;

    private readonly int PanelGroups => (Panels.Count + PanelsPerItem - 1) / PanelsPerItem;

    /// <summary>Floats of scratch of one thread.</summary>
    public static long ScratchFloats(Panels panels, long blockRows, bool packsItsOwn) =>
        (NarrowTileRows * Panels.Lanes)
        + (typeof(T) == typeof(float) ? 0 : AlignedBuffer.AlignedFloats(blockRows * panels.Depth))
        + (packsItsOwn ? (long)panels.Depth * Panels.Lanes : 0);

    public readonly void Execute(int item, int thread)
    {
        int block = item / PanelGroups;
        int firstPanel = item % PanelGroups * PanelsPerItem;
        long begin = Rows.Begin(block);
        int count = (int)(Rows.End(block) - begin);
        float* tile = Scratch + (thread * ScratchStride);
        float* rows = tile + (NarrowTileRows * Panels.Lanes);
        float* ownPanel = rows;
        if (typeof(T) != typeof(float))
        {
            ownPanel += AlignedBuffer.AlignedFloats(Rows.Length * Panels.Depth);
        }
        float* input = ElementRows<T>.AsSingle(Input + (begin * Panels.Depth), rows, count * Panels.Depth);
        for (int panel = firstPanel; panel < Math.Min(firstPanel + PanelsPerItem, Panels.Count); panel++)
        {
            bool inPlace = Packed == null && Side == WeightSide.Stored && WeightPanels.IsInPlace<T>(count, Panels);
            WeightPanels weights = inPlace ? WeightPanels.InPlace((float*)Weight, Panels) : WeightPanels.Packed(Packed, Panels);
            float* b = weights[panel];
            if (Packed == null && !inPlace)
            {
                b = ownPanel;
                PackWork<T, TSimd, TVector>.Pack(Weight, Side, Panels, panel, b);
            }
            Multiply(input, count, b, weights.Stride(panel), panel, Output + (begin * Panels.Width) + (panel * Panels.Lanes), tile);
        }
    }

    private readonly void Multiply(float* input, int count, float* b, int ldb, int panel, T* output, float* tile)
    {
        int depth = Panels.Depth;
        int lanes = Panels.LanesOf(panel);
        int columns = Panels.ColumnsOf(panel);
        if (typeof(T) == typeof(float) && Bias == null && lanes == columns)
        {
            RowTile<TSimd, TVector>.Multiply(count, depth, lanes, input, depth, b, ldb, (float*)output, Panels.Width, Mode);
            return;
        }
        float* bias = Bias == null ? null : Bias + (panel * Panels.Lanes);
        int step = lanes == Panels.Lanes ? TileRows : NarrowTileRows;
        for (int row = 0; row < count; row += step)
        {
            int tileRows = Math.Min(step, count - row);
            RowTile<TSimd, TVector>.Multiply(tileRows, depth, lanes, input + ((long)row * depth), depth, b, ldb, tile, lanes, OutputMode.Overwrite);
            for (int i = 0; i < tileRows; i++)
            {
                RowStore<T, TSimd, TVector>.Store(tile + (i * lanes), bias, output + ((long)(row + i) * Panels.Width), columns, Mode);
            }
        }
    }
}

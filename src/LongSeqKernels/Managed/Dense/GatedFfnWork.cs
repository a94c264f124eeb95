namespace LongSeqKernels;

/// <summary>
/// The fused gated FFN. An item is a block of rows; a chunk of its hidden rows at a time is made and multiplied on, so that they never leave the cache.
/// </summary>
internal unsafe struct GatedFfnWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Hidden panels that are made before they are multiplied on.</summary>
    private const int ChunkPanels = 4;

    /// <summary>Rows of u and g that stay in the L1 cache between the product and the gate.</summary>
    private const int TileRows = 24;

    public RowPieces Rows;
    public GatedFfnParameters Layer;
    public T* Input;
    public T* Output;
    public float* Scratch;
    public long ScratchStride;

    private readonly int StrideHidden => Panels.Stride(Math.Min(ChunkPanels * Panels.Lanes, Layer.Hidden.Width));

    private readonly int StrideOutput => Panels.Stride(Layer.Output.Width);

    /// <summary>Floats of scratch of one thread: tiles of u and g, a chunk of hidden rows, output rows, fp32 input rows.</summary>
    public readonly long ScratchFloats =>
        (2 * TileRows * Panels.Lanes)
        + (Rows.Length * (StrideHidden + StrideOutput))
        + (typeof(T) == typeof(float) ? 0 : AlignedBuffer.AlignedFloats(Rows.Length * Layer.Hidden.Depth));

    public readonly void Execute(int item, int thread)
    {
        int width = Layer.Output.Width;
        long begin = Rows.Begin(item);
        int rows = (int)(Rows.End(item) - begin);
        float* tile = Scratch + (thread * ScratchStride);
        float* hidden = tile + (2 * TileRows * Panels.Lanes);
        float* output = hidden + (Rows.Length * StrideHidden);
        float* buffer = output + (Rows.Length * StrideOutput);
        float* input = ElementRows<T>.AsSingle(Input + (begin * width), buffer, rows * width);
        for (int panel = 0; panel < Layer.Hidden.Count; panel += ChunkPanels)
        {
            MakeHidden(input, rows, panel, tile, hidden);
            MultiplyOn(hidden, rows, panel, output);
        }
        for (int row = 0; row < rows; row += TileRows)
        {
            int count = Math.Min(TileRows, rows - row);
            Finish(output + ((long)row * StrideOutput), count, Output + ((begin + row) * width), tile);
        }
    }

    private readonly void MakeHidden(float* input, int rows, int firstPanel, float* tile, float* hidden)
    {
        Panels panels = Layer.Hidden;
        float* gateTile = tile + (TileRows * Panels.Lanes);
        for (int panel = firstPanel; panel < Math.Min(firstPanel + ChunkPanels, panels.Count); panel++)
        {
            int lanes = panels.LanesOf(panel);
            float* up = Layer.Up[panel];
            float* gate = Layer.Gate[panel];
            int stride = Layer.Up.Stride(panel);
            float* upBias = Layer.UpBias + (panel * Panels.Lanes);
            float* gateBias = Layer.GateBias + (panel * Panels.Lanes);
            float* chunk = hidden + ((panel - firstPanel) * Panels.Lanes);
            for (int row = 0; row < rows; row += TileRows)
            {
                int tileRows = Math.Min(TileRows, rows - row);
                float* x = input + ((long)row * panels.Depth);
                RowTile<TSimd, TVector>.Multiply(tileRows, panels.Depth, lanes, x, panels.Depth, up, stride, tile, lanes, OutputMode.Overwrite);
                RowTile<TSimd, TVector>.Multiply(tileRows, panels.Depth, lanes, x, panels.Depth, gate, stride, gateTile, lanes, OutputMode.Overwrite);
                GatedUnit<TSimd, TVector>.Forward(
                    tile, gateTile, lanes, upBias, gateBias, tileRows, lanes, chunk + ((long)row * StrideHidden), StrideHidden);
            }
        }
    }

    private readonly void MultiplyOn(float* hidden, int rows, int firstPanel, float* output)
    {
        Panels panels = Layer.Output;
        int first = firstPanel * Panels.Lanes;
        int depth = Math.Min(ChunkPanels * Panels.Lanes, panels.Depth - first);
        OutputMode mode = firstPanel == 0 ? OutputMode.Overwrite : OutputMode.Add;
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            int stride = Layer.Down.Stride(panel);
            float* down = Layer.Down[panel] + ((long)first * stride);
            RowTile<TSimd, TVector>.Multiply(
                rows, depth, lanes, hidden, StrideHidden, down, stride, output + (panel * Panels.Lanes), StrideOutput, mode);
        }
    }

    /// <summary>Bias and norm of a few output rows, on their way to memory.</summary>
    private readonly void Finish(float* rows, int count, T* output, float* moments)
    {
        int width = Layer.Output.Width;
        float* scales = moments + TileRows;
        for (int row = 0; row < count && Layer.HasDownBias; row++)
        {
            Parameters.Accumulate(rows + ((long)row * StrideOutput), Layer.DownBias, width);
        }
        float* results = rows;
        long resultStride = StrideOutput;
        if (Layer.Norm == FfnNorm.LayerNorm)
        {
            results = typeof(T) == typeof(float) ? (float*)output : rows;
            resultStride = typeof(T) == typeof(float) ? width : StrideOutput;
            RowNorm<TSimd, TVector>.Moments(rows, StrideOutput, count, width, Layer.Epsilon, moments, scales);
            RowNorm<TSimd, TVector>.Normalise(rows, StrideOutput, count, width, moments, scales, Layer.NormGain, Layer.NormBias, results, resultStride);
        }
        for (int row = 0; row < count && results != output; row++)
        {
            ElementRows<T>.Narrow(results + (row * resultStride), output + ((long)row * width), width);
        }
    }
}

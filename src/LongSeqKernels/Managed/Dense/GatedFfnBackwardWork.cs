namespace LongSeqKernels;

/// <summary>
/// The row-wise half of the gated FFN's backward for one run of rows, whose hidden rows and gradients it leaves in scratch for the sums over rows that follow.
/// An item is a block of rows: u, g and h are recomputed, the norm and the three products are walked back.
/// </summary>
internal unsafe struct GatedFfnBackwardWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of a product that stay in the L1 cache until they are used.</summary>
    private const int TileRows = 24;

    /// <summary>Rows that the norm is walked back for at a time.</summary>
    private const int NormRows = RowNorm<TSimd, TVector>.BlockRows;

    public RowPieces Rows;
    public GatedFfnParameters Layer;

    /// <summary>Transposed weights, packed; those of W_u and W_v are null when no input gradient is wanted.</summary>
    public float* UpTransposed;
    public float* GateTransposed;
    public float* DownTransposed;
    public T* Input;
    public T* OutputGradient;

    /// <summary>Null when it is not wanted.</summary>
    public T* InputGradient;
    public OutputMode Mode;

    /// <summary><c>[rows, rD]</c>: u, then its gradient.</summary>
    public float* Up;

    /// <summary><c>[rows, rD]</c>: g, then its gradient.</summary>
    public float* Gate;

    /// <summary><c>[rows, rD]</c>: h.</summary>
    public float* Hidden;

    /// <summary><c>[rows, D]</c>: the gradient of the last product.</summary>
    public float* ProductGradient;

    /// <summary><c>[rows, D]</c> fp32 input: a copy, or the input itself.</summary>
    public float* WideInput;

    /// <summary>For each block, the sums of gain and bias gradients of the norm.</summary>
    public float* NormSums;

    /// <summary>Per thread: a tile, a few rows of gradients, a block of outputs.</summary>
    public float* Scratch;
    public long ScratchStride;

    public readonly int StrideHidden => Panels.Stride(Layer.Hidden.Width);

    public readonly int StrideOutput => Panels.Stride(Layer.Output.Width);

    /// <summary>Floats from a row of <see cref="WideInput"/> to the next.</summary>
    public readonly int StrideInput => typeof(T) == typeof(float) ? Layer.Hidden.Depth : StrideOutput;

    /// <summary>Floats of scratch of one thread.</summary>
    public readonly long ScratchFloats => (TileRows * Panels.Lanes) + ((NormRows + Rows.Length) * StrideOutput);

    public readonly void Execute(int item, int thread)
    {
        long begin = Rows.Begin(item);
        int rows = (int)(Rows.End(item) - begin);
        float* tile = Scratch + (thread * ScratchStride);
        float* up = Up + (begin * StrideHidden);
        float* gate = Gate + (begin * StrideHidden);
        float* hidden = Hidden + (begin * StrideHidden);
        float* input = WideInput + (begin * StrideInput);
        int width = Layer.Output.Width;
        for (int row = 0; row < rows && typeof(T) != typeof(float); row++)
        {
            ElementRows<T>.Widen(Input + ((begin + row) * width), input + ((long)row * StrideInput), width);
        }
        RecomputeHidden(input, rows, up, gate, hidden);
        NormBackward(item, hidden, rows, tile + (TileRows * Panels.Lanes));
        GateBackward(ProductGradient + (begin * StrideOutput), rows, up, gate, tile);
        if (InputGradient != null)
        {
            StoreInputGradient(up, gate, rows, tile, InputGradient + (begin * width));
        }
    }

    private readonly void RecomputeHidden(float* input, int rows, float* up, float* gate, float* hidden)
    {
        Panels panels = Layer.Hidden;
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            int lane = panel * Panels.Lanes;
            RowTile<TSimd, TVector>.Multiply(
                rows, panels.Depth, lanes, input, StrideInput, Layer.Up[panel], lanes, up + lane, StrideHidden, OutputMode.Overwrite);
            RowTile<TSimd, TVector>.Multiply(
                rows, panels.Depth, lanes, input, StrideInput, Layer.Gate[panel], lanes, gate + lane, StrideHidden, OutputMode.Overwrite);
            GatedUnit<TSimd, TVector>.ForwardKeeping(
                up + lane, gate + lane, StrideHidden, Layer.UpBias + lane, Layer.GateBias + lane, rows, lanes, hidden + lane);
        }
    }

    /// <summary>The gradient of the product that the norm follows; without a norm it is the output's gradient.</summary>
    private readonly void NormBackward(int item, float* hidden, int rows, float* scratch)
    {
        Panels panels = Layer.Output;
        int width = panels.Width;
        float* outputGradient = scratch;
        float* product = scratch + (NormRows * StrideOutput);
        long begin = Rows.Begin(item);
        float* gainSum = NormSums + (2L * item * StrideOutput);
        float* biasSum = gainSum + StrideOutput;
        if (Layer.Norm == FfnNorm.LayerNorm)
        {
            new Span<float>(gainSum, 2 * StrideOutput).Clear();
            for (int panel = 0; panel < panels.Count; panel++)
            {
                int lanes = panels.LanesOf(panel);
                RowTile<TSimd, TVector>.Multiply(
                    rows,
                    panels.Depth,
                    lanes,
                    hidden,
                    StrideHidden,
                    Layer.Down[panel],
                    lanes,
                    product + (panel * Panels.Lanes),
                    StrideOutput,
                    OutputMode.Overwrite);
            }
        }
        float* means = stackalloc float[NormRows];
        float* scales = stackalloc float[NormRows];
        for (int row = 0; row < rows; row += NormRows)
        {
            int count = Math.Min(NormRows, rows - row);
            float* x = product + ((long)row * StrideOutput);
            float* gradient = ProductGradient + ((begin + row) * StrideOutput);
            T* given = OutputGradient + ((begin + row) * width);
            if (Layer.Norm == FfnNorm.None)
            {
                for (int i = 0; i < count; i++)
                {
                    ElementRows<T>.Widen(given + ((long)i * width), gradient + ((long)i * StrideOutput), width);
                }
                continue;
            }
            for (int i = 0; i < count; i++)
            {
                Parameters.Accumulate(x + ((long)i * StrideOutput), Layer.DownBias, width);
            }
            float* dy = ElementRows<T>.AsSingle(given, outputGradient, count * width);
            RowNorm<TSimd, TVector>.Moments(x, StrideOutput, count, width, Layer.Epsilon, means, scales);
            RowNorm<TSimd, TVector>.Backward(
                x, StrideOutput, count, width, means, scales, Layer.NormGain, dy, gradient, StrideOutput, gainSum, biasSum);
        }
    }

    private readonly void GateBackward(float* productGradient, int rows, float* up, float* gate, float* tile)
    {
        Panels panels = Layer.Hidden;
        int depth = Layer.Output.Width;
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            float* weight = DownTransposed + ((long)panel * Panels.Lanes * depth);
            for (int row = 0; row < rows; row += TileRows)
            {
                int tileRows = Math.Min(TileRows, rows - row);
                RowTile<TSimd, TVector>.Multiply(
                    tileRows, depth, lanes, productGradient + ((long)row * StrideOutput), StrideOutput, weight, lanes, tile, lanes, OutputMode.Overwrite);
                long offset = ((long)row * StrideHidden) + (panel * Panels.Lanes);
                GatedUnit<TSimd, TVector>.Backward(tile, lanes, up + offset, gate + offset, StrideHidden, tileRows, lanes);
            }
        }
    }

    private readonly void StoreInputGradient(float* upGradient, float* gateGradient, int rows, float* tile, T* inputGradient)
    {
        var panels = new Panels(Layer.Hidden.Width, Layer.Hidden.Depth);
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            float* up = UpTransposed + panels.Offset(panel);
            float* gate = GateTransposed + panels.Offset(panel);
            for (int row = 0; row < rows; row += TileRows)
            {
                int tileRows = Math.Min(TileRows, rows - row);
                long first = (long)row * StrideHidden;
                RowTile<TSimd, TVector>.Multiply(
                    tileRows, panels.Depth, lanes, upGradient + first, StrideHidden, up, lanes, tile, lanes, OutputMode.Overwrite);
                RowTile<TSimd, TVector>.Multiply(
                    tileRows, panels.Depth, lanes, gateGradient + first, StrideHidden, gate, lanes, tile, lanes, OutputMode.Add);
                for (int i = 0; i < tileRows; i++)
                {
                    T* output = inputGradient + ((long)(row + i) * panels.Width) + (panel * Panels.Lanes);
                    RowStore<T, TSimd, TVector>.Store(tile + (i * lanes), null, output, panels.ColumnsOf(panel), Mode);
                }
            }
        }
    }
}

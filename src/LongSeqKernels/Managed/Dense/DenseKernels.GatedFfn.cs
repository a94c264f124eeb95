namespace LongSeqKernels;

// The gated FFN.
internal sealed unsafe partial class DenseKernels<TSimd, TVector>
{
    /// <summary>Rows of a block of the fused FFN: input, hidden chunk and output of a block share the L2 cache with the weights' panels.</summary>
    private const int FfnBlockRows = 96;

    /// <summary>
    /// Bytes of hidden rows and gradients that the backward keeps between its row-wise half and the sums over rows: few, to find them in the cache, but enough
    /// to be worth a pass over the gradients of the weights.
    /// </summary>
    private const long LeastBackwardBytes = 4 << 20;
    private const long MostBackwardBytes = 16 << 20;

    public override void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
    {
        var layer = new GatedFfnParameters(shape);
        var work = new GatedFfnWork<T, TSimd, TVector> { Rows = new RowPieces(shape.Rows, Math.Min(FfnBlockRows, BlockRowsFor(shape.Rows))), Layer = layer };
        work.ScratchStride = work.ScratchFloats;
        bool inPlace = WeightPanels.IsInPlace<T>(shape.Rows, layer.Hidden) && WeightPanels.IsInPlace<T>(shape.Rows, layer.Output);
        long weightFloats = inPlace ? 0 : AlignedBuffer.AlignedFloats(Math.Max(layer.Hidden.Floats, layer.Output.Floats));
        using AlignedBuffer buffer = scratch.Rent(
            (layer.VectorFloats + (3 * weightFloats) + (pool.ThreadsFor(work.Rows.Count) * work.ScratchStride)) * sizeof(float));
        var carver = new Carver(buffer.Floats);
        layer.FillVectors(weights, carver.Take(layer.VectorFloats));
        fixed (T* x = input, up = weights.Up, gate = weights.Gate, down = weights.Down, y = output)
        {
            layer.Up = inPlace ? WeightPanels.InPlace((float*)up, layer.Hidden) : PackPanels(up, layer.Hidden, carver.Take(weightFloats));
            layer.Gate = inPlace ? WeightPanels.InPlace((float*)gate, layer.Hidden) : PackPanels(gate, layer.Hidden, carver.Take(weightFloats));
            layer.Down = inPlace ? WeightPanels.InPlace((float*)down, layer.Output) : PackPanels(down, layer.Output, carver.Take(weightFloats));
            work.Layer = layer;
            work.Input = x;
            work.Output = y;
            work.Scratch = carver.Take(0);
            pool.Run(ref work, work.Rows.Count);
        }
    }

    public override void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
    {
        var layer = new GatedFfnParameters(shape);
        var upTransposed = new Panels(shape.HiddenWidth, shape.Width);
        var downTransposed = new Panels(shape.Width, shape.HiddenWidth);
        int blockRows = (int)Math.Clamp((((shape.Rows + 15) / 16) + 5) / 6 * 6, 24, FfnBlockRows);
        var rowWise = new GatedFfnBackwardWork<T, TSimd, TVector> { Rows = new RowPieces(shape.Rows, blockRows), Layer = layer, Mode = mode };
        rowWise.ScratchStride = rowWise.ScratchFloats;
        long rowFloats = (3L * rowWise.StrideHidden) + rowWise.StrideOutput + (typeof(T) == typeof(float) ? 0 : rowWise.StrideInput);
        int runRows = RunRows(shape, rowFloats);
        int runBlocks = (runRows + blockRows - 1) / blockRows;
        var products = new GatedFfnProductsWork<TSimd, TVector>(
            shape, pool.Threads, gradients.Up.IsEmpty, gradients.Gate.IsEmpty, gradients.Down.IsEmpty)
        {
            SkipUp = gradients.Up.IsEmpty && gradients.UpBias.IsEmpty,
            SkipGate = gradients.Gate.IsEmpty && gradients.GateBias.IsEmpty,
            SkipDown = gradients.Down.IsEmpty && gradients.DownBias.IsEmpty,
        };
        long weightFloats = AlignedBuffer.AlignedFloats(Math.Max(
            Math.Max(layer.Hidden.Floats, layer.Output.Floats), Math.Max(upTransposed.Floats, downTransposed.Floats)));
        long scratchFloats = pool.Threads * Math.Max(rowWise.ScratchStride, products.ScratchFloats);
        long normFloats = 2L * rowWise.StrideOutput;
        using AlignedBuffer buffer = scratch.Rent(
            (layer.VectorFloats + (6 * weightFloats) + (runRows * rowFloats) + ((runBlocks + 1) * normFloats) + products.Floats + scratchFloats)
            * sizeof(float));
        var carver = new Carver(buffer.Floats);
        layer.FillVectors(weights, carver.Take(layer.VectorFloats));
        fixed (T* x = input, up = weights.Up, gate = weights.Gate, down = weights.Down, dy = outputGradient, dx = inputGradient)
        {
            layer.Up = PackPanels(up, layer.Hidden, carver.Take(weightFloats));
            layer.Gate = PackPanels(gate, layer.Hidden, carver.Take(weightFloats));
            if (shape.Norm == FfnNorm.LayerNorm)
            {
                layer.Down = PackPanels(down, layer.Output, carver.Take(weightFloats));
            }
            rowWise.Layer = layer;
            rowWise.DownTransposed = Pack(down, WeightSide.Transposed, downTransposed, carver.Take(weightFloats));
            if (dx != null)
            {
                rowWise.UpTransposed = Pack(up, WeightSide.Transposed, upTransposed, carver.Take(weightFloats));
                rowWise.GateTransposed = Pack(gate, WeightSide.Transposed, upTransposed, carver.Take(weightFloats));
            }
            rowWise.Up = carver.Take((long)runRows * rowWise.StrideHidden);
            rowWise.Gate = carver.Take((long)runRows * rowWise.StrideHidden);
            rowWise.Hidden = carver.Take((long)runRows * rowWise.StrideHidden);
            rowWise.ProductGradient = carver.Take((long)runRows * rowWise.StrideOutput);
            float* wideInput = typeof(T) == typeof(float) ? null : carver.Take((long)runRows * rowWise.StrideInput);
            rowWise.NormSums = carver.Take(runBlocks * normFloats);
            float* normSum = carver.Take(normFloats);
            products.Sums = carver.Take(products.Floats);
            rowWise.Scratch = carver.Take(scratchFloats);
            new Span<float>(normSum, checked((int)normFloats)).Clear();
            products.Prepare(rowWise.Scratch);
            for (int begin = 0; begin < shape.Rows; begin += runRows)
            {
                int rows = Math.Min(runRows, shape.Rows - begin);
                rowWise.Rows = new RowPieces(rows, blockRows);
                rowWise.Input = x + ((long)begin * shape.Width);
                rowWise.WideInput = typeof(T) == typeof(float) ? (float*)rowWise.Input : wideInput;
                rowWise.OutputGradient = dy + ((long)begin * shape.Width);
                rowWise.InputGradient = dx == null ? null : dx + ((long)begin * shape.Width);
                pool.Run(ref rowWise, rowWise.Rows.Count);
                for (int block = 0; block < rowWise.Rows.Count && shape.Norm == FfnNorm.LayerNorm; block++)
                {
                    Parameters.Accumulate(normSum, rowWise.NormSums + (block * normFloats), (int)normFloats);
                }
                products.Begin(rows, rowWise.WideInput, rowWise.StrideInput, rowWise.Up, rowWise.Gate, rowWise.Hidden, rowWise.StrideHidden,
                    rowWise.ProductGradient, rowWise.StrideOutput, begin == 0 ? OutputMode.Overwrite : OutputMode.Add);
                pool.Run(ref products, products.Items);
            }
            Parameters.Store(normSum, gradients.NormGain, mode);
            Parameters.Store(normSum + rowWise.StrideOutput, gradients.NormBias, mode);
            StoreProduct(ref products.Up, gradients.Up, gradients.UpBias, mode);
            StoreProduct(ref products.Gate, gradients.Gate, gradients.GateBias, mode);
            StoreProduct(ref products.Down, gradients.Down, gradients.DownBias, mode);
        }
    }

    private WeightPanels PackPanels<T>(T* weight, Panels panels, float* packed)
        where T : unmanaged =>
        WeightPanels.Packed(Pack(weight, WeightSide.Stored, panels, packed), panels);

    /// <summary>
    /// Rows between two rounds of sums: whole blocks of the sums, so that their number changes no result.
    /// </summary>
    private static int RunRows(GatedFfnShape shape, long rowFloats)
    {
        long weightBytes = 3L * sizeof(float) * shape.Width * shape.HiddenWidth;
        long bytes = Math.Clamp(4 * weightBytes, LeastBackwardBytes, MostBackwardBytes);
        long rows = Math.Max(1, bytes / sizeof(float) / rowFloats / OuterProducts.BlockRows) * OuterProducts.BlockRows;
        return (int)Math.Min(Math.Max(1, shape.Rows), rows);
    }
}

namespace LongSeqKernels;

/// <inheritdoc cref="DenseKernels"/>
internal sealed unsafe partial class DenseKernels<TSimd, TVector>(WorkerPool pool, ScratchPool scratch) : DenseKernels
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of a block: its results and, at usual widths, its input stay in the L2 cache beside a panel of the weight.</summary>
    private const int BlockRows = 192;

    private const int LeastBlockRows = 24;

    /// <summary>Items per thread that even out what else runs on the machine.</summary>
    private const int ItemsPerThread = 4;

    /// <summary>Rows beyond which a weight is packed once for all blocks.</summary>
    private const int FewRows = 96;

    public override void Linear<T>(
        LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
    {
        fixed (T* x = input, w = weight, y = output)
        {
            Multiply(shape.Rows, new Panels(shape.InputWidth, shape.OutputWidth), x, w, WeightSide.Stored, bias, y, mode);
        }
    }

    public override void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
    {
        fixed (T* x = input, w = weight, dy = outputGradient, dx = inputGradient)
        {
            if (!inputGradient.IsEmpty)
            {
                Multiply(shape.Rows, new Panels(shape.OutputWidth, shape.InputWidth), dy, w, WeightSide.Transposed, [], dx, mode);
            }
            if (!weightGradient.IsEmpty || !biasGradient.IsEmpty)
            {
                ParameterGradients(shape, x, dy, weightGradient, biasGradient, mode);
            }
        }
    }

    /// <summary><c>y = x W + b</c> for a weight or its transpose.</summary>
    private void Multiply<T>(int rows, Panels panels, T* x, T* w, WeightSide side, ReadOnlySpan<T> bias, T* y, OutputMode mode)
        where T : unmanaged
    {
        // Few rows are not worth a pass over the weight of its own: every item packs the panel it multiplies with.
        bool packsItsOwn = rows <= FewRows;
        int blockRows = packsItsOwn ? FewRowsBlock(rows, panels.Count) : BlockRowsFor(rows);
        var blocks = new RowPieces(rows, blockRows);
        int groups = Math.Clamp((ItemsPerThread * pool.Threads) / Math.Max(1, blocks.Count), 1, panels.Count);
        var work = new LinearWork<T, TSimd, TVector>
        {
            Rows = blocks,
            Panels = panels,
            PanelsPerItem = packsItsOwn ? 1 : (panels.Count + groups - 1) / groups,
            Input = x,
            Weight = w,
            Side = side,
            Output = y,
            Mode = mode,
            ScratchStride = AlignedBuffer.AlignedFloats(LinearWork<T, TSimd, TVector>.ScratchFloats(panels, blockRows, packsItsOwn)),
        };
        long packedFloats = packsItsOwn ? 0 : panels.Floats;
        using AlignedBuffer buffer = scratch.Rent(
            (packedFloats + panels.PaddedWidth + (pool.ThreadsFor(work.Items) * work.ScratchStride)) * sizeof(float));
        float* biases = buffer.Floats + packedFloats;
        work.Scratch = biases + panels.PaddedWidth;
        if (!bias.IsEmpty)
        {
            new Span<float>(biases, panels.PaddedWidth).Clear();
            Parameters.WidenOrFill(bias, 0f, biases, panels.Width);
            work.Bias = biases;
        }
        if (!packsItsOwn)
        {
            work.Packed = Pack(w, side, panels, buffer.Floats);
        }
        pool.Run(ref work, work.Items);
    }

    /// <summary>Whole register tiles, as large as leaves every thread some blocks.</summary>
    private int BlockRowsFor(int rows)
    {
        int even = (rows + (ItemsPerThread * pool.Threads) - 1) / (ItemsPerThread * pool.Threads);
        return Math.Clamp((even + 5) / 6 * 6, LeastBlockRows, BlockRows);
    }

    /// <summary>All rows at a time, unless there are too few panels for all threads.</summary>
    private int FewRowsBlock(int rows, int panels)
    {
        int blocks = Math.Max(1, pool.Threads / panels);
        return Math.Max(LeastBlockRows, ((rows + blocks - 1) / blocks + 5) / 6 * 6);
    }

    private float* Pack<T>(T* weight, WeightSide side, Panels panels, float* packed)
        where T : unmanaged
    {
        var work = new PackWork<T, TSimd, TVector> { Weight = weight, Side = side, Panels = panels, Packed = packed };
        pool.Run(ref work, panels.Count);
        return packed;
    }

    private void ParameterGradients<T>(LinearShape shape, T* x, T* dy, Span<T> weightGradient, Span<T> biasGradient, OutputMode mode)
        where T : unmanaged
    {
        var products = new OuterProducts(
            shape.Rows, weightGradient.IsEmpty ? 1 : shape.InputWidth, shape.OutputWidth, ItemsPerThread * pool.Threads, RowSplit.Parts);
        var work = new OuterProductWork<T, TSimd, TVector>
        {
            Shape = products,
            A = weightGradient.IsEmpty ? null : x,
            StrideA = shape.InputWidth,
            P = dy,
            StrideP = shape.OutputWidth,
            ScratchStride = products.ScratchFloats,
        };
        using AlignedBuffer buffer = scratch.Rent(
            (products.SumFloats + products.TileWidth + (pool.ThreadsFor(work.Items) * work.ScratchStride)) * sizeof(float));
        work.Sums = buffer.Floats;
        work.Ones = work.Sums + products.SumFloats;
        work.Scratch = work.Ones + products.TileWidth;
        new Span<float>(work.Ones, products.TileWidth).Fill(1f);
        if (shape.Rows == 0)
        {
            new Span<float>(work.Sums, checked((int)products.SumFloats)).Clear();
        }
        pool.Run(ref work, work.Items);
        StoreProduct(ref work, weightGradient, biasGradient, mode);
    }

    private void StoreProduct<T, TOutput>(
        ref OuterProductWork<T, TSimd, TVector> work, Span<TOutput> weightGradient, Span<TOutput> biasGradient, OutputMode mode)
        where T : unmanaged
        where TOutput : unmanaged
    {
        OuterProducts products = work.Shape;
        if (!weightGradient.IsEmpty)
        {
            fixed (TOutput* output = weightGradient)
            {
                var store = new StoreProductWork<TOutput, TSimd, TVector> { Shape = products, Sums = work.Sums, Output = output, Mode = mode };
                pool.Run(ref store, products.TilesPerSplit);
            }
        }
        if (!biasGradient.IsEmpty)
        {
            float* sums = work.ColumnSums(0);
            int padded = products.WidthTiles * products.TileWidth;
            for (int split = 1; split < products.Splits.Count; split++)
            {
                Parameters.Accumulate(sums, work.ColumnSums(split), padded);
            }
            Parameters.Store(sums, biasGradient, mode);
        }
    }
}

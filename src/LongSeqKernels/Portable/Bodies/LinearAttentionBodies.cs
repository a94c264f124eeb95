namespace LongSeqKernels.Portable;

/// <summary>
/// Linear attention. Sums over rows: one work item is one row <c>(segment, head, i)</c> of a state. Reads of a state: one work item is one
/// <c>(row, head)</c>, after <see cref="ReadState"/> has prepared phi2(s M).
/// </summary>
public static class LinearAttentionBodies
{
    /// <summary>Adds <c>sum_j phi1(k_j)[i] v_j</c> to one row of a state.</summary>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="activation">phi1.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="keys"><c>[L, H, dk]</c>.</param>
    /// <param name="values"><c>[L, H, dv]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>, added to.</param>
    /// <param name="scratch"><c>[2, dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="item">(segment * H + head) * dk + i.</param>
    public static void State<TIndices, TInput, TScratch>(
        LinearAttentionShape shape, LinearActivation activation, TIndices offsets, TInput keys, TInput values, TScratch state, TScratch scratch, long scratchStart, long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        SumRows(shape, activation, offsets, keys, values, scratch, scratchStart, item);
        for (int j = 0; j < shape.ValueWidth; j++)
        {
            long element = (item * shape.ValueWidth) + j;
            state.Set(element, state.Get(element) + scratch.Get(scratchStart + j));
        }
    }

    /// <summary>The gradients of one history row and head: <c>dv = phi1(k) dM</c>, <c>dk = phi1'(k) * (dM v)</c>.</summary>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="activation">phi1.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="keys"><c>[L, H, dk]</c>.</param>
    /// <param name="values"><c>[L, H, dv]</c>.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="keyGradient"><c>[L, H, dk]</c>, result.</param>
    /// <param name="valueGradient"><c>[L, H, dv]</c>, result.</param>
    /// <param name="scratch"><c>[2, dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="item">row * H + head.</param>
    public static void StateBackward<TIndices, TInput, TFloats, TOutput, TScratch>(
        LinearAttentionShape shape,
        LinearActivation activation,
        TIndices offsets,
        TInput keys,
        TInput values,
        TFloats stateGradient,
        TOutput keyGradient,
        TOutput valueGradient,
        TScratch scratch,
        long scratchStart,
        long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long state = StateOf(shape, offsets, item);
        BlockSums.Begin(scratch, scratchStart, shape.ValueWidth);
        for (int i = 0; i < shape.KeyWidth; i++)
        {
            long stateRow = state + ((long)i * shape.ValueWidth);
            float key = keys.Get((item * shape.KeyWidth) + i);
            BlockSums.Add(scratch, scratchStart, shape.ValueWidth, i, BodyMath.Activate(activation, key), stateGradient, stateRow);
            float product = BlockSums.Dot(stateGradient, stateRow, 1, values, item * shape.ValueWidth, 1, shape.ValueWidth);
            keyGradient.Set((item * shape.KeyWidth) + i, BodyMath.ActivateDerivative(activation, key) * product);
        }
        BlockSums.End(scratch, scratchStart, shape.ValueWidth);
        for (int j = 0; j < shape.ValueWidth; j++)
        {
            valueGradient.Set((item * shape.ValueWidth) + j, scratch.Get(scratchStart + j));
        }
    }

    /// <summary>phi2(s M) of one element.</summary>
    /// <param name="options">phi2 and s.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="read">As the state, result.</param>
    /// <param name="item">The element.</param>
    public static void ReadState<TFloats, TScratch>(LinearAttentionOptions options, TFloats state, TScratch read, long item)
        where TFloats : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct =>
        read.Set(item, BodyMath.Activate(options.StateActivation, options.StateScale * state.Get(item)));

    /// <summary>The output of one row and head: <c>phi1(q) phi2(s M)</c> and its self term.</summary>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="activation">phi1.</param>
    /// <param name="offsets"><c>[segments + 1]</c> of the rows.</param>
    /// <param name="queries"><c>[T, H, dk]</c>.</param>
    /// <param name="read"><c>[segments, H, dk, dv]</c> from <see cref="ReadState"/>.</param>
    /// <param name="selfKeys"><c>[T, H, dk]</c> or empty.</param>
    /// <param name="selfValues"><c>[T, H, dv]</c> or empty.</param>
    /// <param name="output"><c>[T, H, dv]</c>, result.</param>
    /// <param name="scratch"><c>[2, dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="item">row * H + head.</param>
    public static void Apply<TIndices, TInput, TOutput, TScratch>(
        LinearAttentionShape shape,
        LinearActivation activation,
        TIndices offsets,
        TInput queries,
        TScratch read,
        TInput selfKeys,
        TInput selfValues,
        TOutput output,
        TScratch scratch,
        long scratchStart,
        long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long state = StateOf(shape, offsets, item);
        BlockSums.Begin(scratch, scratchStart, shape.ValueWidth);
        for (int i = 0; i < shape.KeyWidth; i++)
        {
            float query = BodyMath.Activate(activation, queries.Get((item * shape.KeyWidth) + i));
            BlockSums.Add(scratch, scratchStart, shape.ValueWidth, i, query, read, state + ((long)i * shape.ValueWidth));
        }
        BlockSums.End(scratch, scratchStart, shape.ValueWidth);
        float self = selfKeys.Length == 0 ? 0f : SelfWeight(shape, activation, queries, selfKeys, item);
        for (int j = 0; j < shape.ValueWidth; j++)
        {
            long element = (item * shape.ValueWidth) + j;
            float value = scratch.Get(scratchStart + j);
            output.Set(element, selfKeys.Length == 0 ? value : value + (self * selfValues.Get(element)));
        }
    }

    /// <summary>
    /// The gradients of one row and head: <c>dq = phi1'(q) * (P dO + (dO . v) b)</c>, and of the self term <c>(a . b) v</c> (a, b the activated
    /// query and self key) <c>dk = phi1'(k) * (dO . v) a</c> and <c>dv = (a . b) dO</c>.
    /// </summary>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="activation">phi1.</param>
    /// <param name="offsets"><c>[segments + 1]</c> of the rows.</param>
    /// <param name="queries"><c>[T, H, dk]</c>.</param>
    /// <param name="read"><c>[segments, H, dk, dv]</c> from <see cref="ReadState"/>.</param>
    /// <param name="selfKeys"><c>[T, H, dk]</c> or empty.</param>
    /// <param name="selfValues"><c>[T, H, dv]</c> or empty.</param>
    /// <param name="outputGradient"><c>[T, H, dv]</c>.</param>
    /// <param name="queryGradient"><c>[T, H, dk]</c>, result.</param>
    /// <param name="selfKeyGradient"><c>[T, H, dk]</c>, result, or empty.</param>
    /// <param name="selfValueGradient"><c>[T, H, dv]</c>, result, or empty.</param>
    /// <param name="item">row * H + head.</param>
    public static void ApplyBackward<TIndices, TInput, TOutput, TScratch>(
        LinearAttentionShape shape,
        LinearActivation activation,
        TIndices offsets,
        TInput queries,
        TScratch read,
        TInput selfKeys,
        TInput selfValues,
        TInput outputGradient,
        TOutput queryGradient,
        TOutput selfKeyGradient,
        TOutput selfValueGradient,
        long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long state = StateOf(shape, offsets, item);
        long keyStart = item * shape.KeyWidth;
        long valueStart = item * shape.ValueWidth;
        bool self = selfKeys.Length != 0;
        float weightGradient = self ? BlockSums.Dot(outputGradient, valueStart, 1, selfValues, valueStart, 1, shape.ValueWidth) : 0f;
        for (int i = 0; i < shape.KeyWidth; i++)
        {
            float query = queries.Get(keyStart + i);
            float gradient = BlockSums.Dot(read, state + ((long)i * shape.ValueWidth), 1, outputGradient, valueStart, 1, shape.ValueWidth);
            if (self)
            {
                float key = selfKeys.Get(keyStart + i);
                gradient += weightGradient * BodyMath.Activate(activation, key);
                selfKeyGradient.Set(keyStart + i, BodyMath.ActivateDerivative(activation, key) * weightGradient * BodyMath.Activate(activation, query));
            }
            queryGradient.Set(keyStart + i, BodyMath.ActivateDerivative(activation, query) * gradient);
        }
        float weight = self ? SelfWeight(shape, activation, queries, selfKeys, item) : 0f;
        for (int j = 0; j < selfValueGradient.Length && j < shape.ValueWidth; j++)
        {
            selfValueGradient.Set(valueStart + j, weight * outputGradient.Get(valueStart + j));
        }
    }

    /// <summary>Adds <c>s phi2'(s M) * sum phi1(q)[i] dO</c> to one row of the state's gradient.</summary>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="options">Activations and s.</param>
    /// <param name="offsets"><c>[segments + 1]</c> of the rows.</param>
    /// <param name="queries"><c>[T, H, dk]</c>.</param>
    /// <param name="outputGradient"><c>[T, H, dv]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>, added to.</param>
    /// <param name="scratch"><c>[2, dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="item">(segment * H + head) * dk + i.</param>
    public static void StateGradient<TIndices, TInput, TFloats, TScratch>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        TIndices offsets,
        TInput queries,
        TInput outputGradient,
        TFloats state,
        TScratch stateGradient,
        TScratch scratch,
        long scratchStart,
        long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        SumRows(shape, options.RowActivation, offsets, queries, outputGradient, scratch, scratchStart, item);
        for (int j = 0; j < shape.ValueWidth; j++)
        {
            long element = (item * shape.ValueWidth) + j;
            float slope = options.StateScale * BodyMath.ActivateDerivative(options.StateActivation, options.StateScale * state.Get(element));
            stateGradient.Set(element, stateGradient.Get(element) + (slope * scratch.Get(scratchStart + j)));
        }
    }

    /// <summary><c>sum_r phi1(a_r)[i] b_r</c> over the rows of the item's segment, into scratch.</summary>
    private static void SumRows<TIndices, TInput, TScratch>(
        LinearAttentionShape shape, LinearActivation activation, TIndices offsets, TInput a, TInput b, TScratch scratch, long scratchStart, long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long segmentHead = item / shape.KeyWidth;
        long column = item - (segmentHead * shape.KeyWidth);
        long segment = segmentHead / shape.Heads;
        long head = segmentHead - (segment * shape.Heads);
        long begin = offsets.Get(segment);
        long end = offsets.Get(segment + 1);
        BlockSums.Begin(scratch, scratchStart, shape.ValueWidth);
        for (long row = begin; row < end; row++)
        {
            long rowHead = (row * shape.Heads) + head;
            float factor = BodyMath.Activate(activation, a.Get((rowHead * shape.KeyWidth) + column));
            BlockSums.Add(scratch, scratchStart, shape.ValueWidth, row - begin, factor, b, rowHead * shape.ValueWidth);
        }
        BlockSums.End(scratch, scratchStart, shape.ValueWidth);
    }

    /// <summary>Where the state of a (row, head) begins.</summary>
    private static long StateOf<TIndices>(LinearAttentionShape shape, TIndices offsets, long item)
        where TIndices : struct, IIndexView, allows ref struct
    {
        long row = item / shape.Heads;
        long head = item - (row * shape.Heads);
        return (((long)BodyMath.SegmentOf(offsets, row) * shape.Heads) + head) * shape.KeyWidth * shape.ValueWidth;
    }

    private static float SelfWeight<TInput>(LinearAttentionShape shape, LinearActivation activation, TInput queries, TInput selfKeys, long item)
        where TInput : struct, IReadView, allows ref struct
    {
        float total = 0f;
        for (int block = 0; block < shape.KeyWidth; block += BlockSums.Terms)
        {
            float sum = 0f;
            for (int i = block; i < Math.Min(block + BlockSums.Terms, shape.KeyWidth); i++)
            {
                long element = (item * shape.KeyWidth) + i;
                sum += BodyMath.Activate(activation, queries.Get(element)) * BodyMath.Activate(activation, selfKeys.Get(element));
            }
            total += sum;
        }
        return total;
    }
}

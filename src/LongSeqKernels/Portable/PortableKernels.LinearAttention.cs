namespace LongSeqKernels.Portable;

/// <content>Linear attention.</content>
internal sealed partial class PortableKernels
{
    public void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged
    {
        var scratch = new SpanView<float>(new float[2 * shape.ValueWidth]);
        for (long item = 0; item < state.Length / shape.ValueWidth; item++)
        {
            LinearAttentionBodies.State(
                shape, options.RowActivation, new IndexSpanView(history.Offsets), new ReadOnlySpanView<T>(keys), new ReadOnlySpanView<T>(values),
                new SpanView<float>(state), scratch, 0, item);
        }
    }

    public void LinearAttentionStateBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> stateGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged
    {
        var scratch = new SpanView<float>(new float[2 * shape.ValueWidth]);
        for (long item = 0; item < history.Total * shape.Heads; item++)
        {
            LinearAttentionBodies.StateBackward(
                shape, options.RowActivation, new IndexSpanView(history.Offsets), new ReadOnlySpanView<T>(keys), new ReadOnlySpanView<T>(values),
                new ReadOnlySpanView<float>(stateGradient), new SpanView<T>(keyGradient), new SpanView<T>(valueGradient), scratch, 0, item);
        }
    }

    public void LinearAttentionApply<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        Span<T> output)
        where T : unmanaged
    {
        SpanView<float> read = ReadState(options, state);
        var scratch = new SpanView<float>(new float[2 * shape.ValueWidth]);
        for (long item = 0; item < rows.Total * shape.Heads; item++)
        {
            LinearAttentionBodies.Apply(
                shape, options.RowActivation, new IndexSpanView(rows.Offsets), new ReadOnlySpanView<T>(queries), read, new ReadOnlySpanView<T>(selfKeys),
                new ReadOnlySpanView<T>(selfValues), new SpanView<T>(output), scratch, 0, item);
        }
    }

    public void LinearAttentionApplyBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient,
        Span<float> stateGradient,
        Span<T> selfKeyGradient,
        Span<T> selfValueGradient)
        where T : unmanaged
    {
        SpanView<float> read = ReadState(options, state);
        var offsets = new IndexSpanView(rows.Offsets);
        var q = new ReadOnlySpanView<T>(queries);
        var gradient = new ReadOnlySpanView<T>(outputGradient);
        for (long item = 0; item < rows.Total * shape.Heads; item++)
        {
            LinearAttentionBodies.ApplyBackward(
                shape, options.RowActivation, offsets, q, read, new ReadOnlySpanView<T>(selfKeys), new ReadOnlySpanView<T>(selfValues), gradient,
                new SpanView<T>(queryGradient), new SpanView<T>(selfKeyGradient), new SpanView<T>(selfValueGradient), item);
        }
        var scratch = new SpanView<float>(new float[2 * shape.ValueWidth]);
        for (long item = 0; item < state.Length / shape.ValueWidth; item++)
        {
            LinearAttentionBodies.StateGradient(
                shape, options, offsets, q, gradient, new ReadOnlySpanView<float>(state), new SpanView<float>(stateGradient), scratch, 0, item);
        }
    }

    private static SpanView<float> ReadState(LinearAttentionOptions options, ReadOnlySpan<float> state)
    {
        var read = new SpanView<float>(new float[state.Length]);
        for (long item = 0; item < read.Length; item++)
        {
            LinearAttentionBodies.ReadState(options, new ReadOnlySpanView<float>(state), read, item);
        }
        return read;
    }
}

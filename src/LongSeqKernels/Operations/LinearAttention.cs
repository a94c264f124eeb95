namespace LongSeqKernels;

/// <summary>Element-wise functions of linear attention.</summary>
public enum LinearActivation
{
    /// <summary><c>x * sigmoid(x)</c>, VISTA's default for both.</summary>
    Silu,

    /// <summary><c>x</c> for x >= 1, <c>exp(x - 1)</c> below (VISTA, appendix B.1.5).</summary>
    ShiftedElu,

    /// <summary><c>x</c>.</summary>
    Identity,
}

/// <summary>The switches of linear attention.</summary>
public readonly record struct LinearAttentionOptions
{
    /// <summary>The defaults: SiLU, SiLU, state scale 1.</summary>
    public LinearAttentionOptions()
    {
    }

    /// <summary>phi1, applied to queries and keys.</summary>
    public LinearActivation RowActivation { get; init; } = LinearActivation.Silu;

    /// <summary>phi2, applied to the scaled state when it is read.</summary>
    public LinearActivation StateActivation { get; init; } = LinearActivation.Silu;

    /// <summary>Factor of the state under phi2: 1, 1/N or 1/sqrt(N).</summary>
    public float StateScale { get; init; } = 1f;

    internal void Validate()
    {
        Check.Defined(RowActivation);
        Check.Defined(StateActivation);
        Check.Finite(StateScale);
    }
}

/// <summary>The widths of a linear attention.</summary>
/// <param name="Heads">H.</param>
/// <param name="KeyWidth">Width of a head of queries and keys.</param>
/// <param name="ValueWidth">Width of a head of values and output.</param>
public readonly record struct LinearAttentionShape(int Heads, int KeyWidth, int ValueWidth)
{
    /// <summary>Elements of one row of queries or keys: H * dk.</summary>
    public int KeyRow => Heads * KeyWidth;

    /// <summary>Elements of one row of values or output: H * dv.</summary>
    public int ValueRow => Heads * ValueWidth;

    /// <summary>Elements of one segment's state: H * dk * dv.</summary>
    public int State => Heads * KeyWidth * ValueWidth;

    internal void Validate()
    {
        Check.Width(Heads);
        Check.Width(KeyWidth);
        Check.Width(ValueWidth);
        Check.RowElements((long)Heads * KeyWidth, $"{nameof(Heads)} * {nameof(KeyWidth)}");
        Check.RowElements((long)Heads * ValueWidth, $"{nameof(Heads)} * {nameof(ValueWidth)}");
        Check.RowElements((long)Heads * KeyWidth * ValueWidth, $"{nameof(Heads)} * {nameof(KeyWidth)} * {nameof(ValueWidth)}");
    }
}

/// <summary>
/// Quasi-linear attention (VISTA, arXiv 2510.22049, appendix B): a state <c>M = phi1(K)^T V</c> per segment and head, summed over the
/// history, then <c>O = phi1(Q) phi2(s M)</c>, plus for targets the diagonal self term <c>(phi1(q) . phi1(k)) v</c>.
/// The state is a plain sum: it can be split, merged by addition and extended when events arrive. It is fp32 whatever the storage type.
/// </summary>
public static class LinearAttention
{
    /// <summary>Adds the rows of a history to the states: <c>M[b,h] += sum_j phi1(k_j) v_j^T</c>. Start from zeros for a new history.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="options">Activations and scale (the scale is not applied here).</param>
    /// <param name="history">Rows per segment.</param>
    /// <param name="keys"><c>[L, H, dk]</c>.</param>
    /// <param name="values"><c>[L, H, dv]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>, updated in place.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void AddToState<T>(
        LongSeqContext context,
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<float> state)
        where T : unmanaged
    {
        Begin<T>(context, shape, options);
        Check.Length(keys, history.Total * shape.KeyRow, "L * H * dk");
        Check.Length(values, history.Total * shape.ValueRow, "L * H * dv");
        Check.Length(state, (long)history.Count * shape.State, "segments * H * dk * dv");
        Check.Disjoint(state, keys);
        Check.Disjoint(state, values);
        context.Kernels.LinearAttentionState(shape, options, history, keys, values, state);
    }

    /// <summary>Reads the states: <c>o = phi1(q) phi2(s M)</c> + self term.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="options">Activations and scale.</param>
    /// <param name="rows">Query rows per segment; the history itself, or targets.</param>
    /// <param name="queries"><c>[T, H, dk]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="selfKeys"><c>[T, H, dk]</c> for the diagonal self term of targets, or empty for rows that are part of the state.</param>
    /// <param name="selfValues"><c>[T, H, dv]</c>, empty exactly when <paramref name="selfKeys"/> is.</param>
    /// <param name="output"><c>[T, H, dv]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Apply<T>(
        LongSeqContext context,
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
        Begin<T>(context, shape, options);
        CheckRows(shape, rows, queries, state, selfKeys, selfValues);
        Check.Length(output, rows.Total * shape.ValueRow, "T * H * dv");
        Check.Disjoint(output, queries);
        Check.Disjoint(output, state);
        Check.Disjoint(output, selfKeys);
        Check.Disjoint(output, selfValues);
        context.Kernels.LinearAttentionApply(shape, options, rows, queries, state, selfKeys, selfValues, output);
    }

    /// <summary>Gradients of <see cref="Apply"/>. The gradient of the state is added to, so that several row sets share it; the others are overwritten.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">As in the forward run.</param>
    /// <param name="options">As in the forward run.</param>
    /// <param name="rows">As in the forward run.</param>
    /// <param name="queries">As in the forward run.</param>
    /// <param name="state">As in the forward run.</param>
    /// <param name="selfKeys">As in the forward run.</param>
    /// <param name="selfValues">As in the forward run.</param>
    /// <param name="outputGradient"><c>[T, H, dv]</c>.</param>
    /// <param name="queryGradient"><c>[T, H, dk]</c>.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>, with respect to the raw M; added to.</param>
    /// <param name="selfKeyGradient"><c>[T, H, dk]</c>, or empty without self term.</param>
    /// <param name="selfValueGradient"><c>[T, H, dv]</c>, or empty without self term.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void ApplyBackward<T>(
        LongSeqContext context,
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
        Begin<T>(context, shape, options);
        CheckRows(shape, rows, queries, state, selfKeys, selfValues);
        Check.Length(outputGradient, rows.Total * shape.ValueRow, "T * H * dv");
        Check.Length(queryGradient, queries.Length, "as queries");
        Check.Length(stateGradient, state.Length, "as state");
        Check.Length(selfKeyGradient, selfKeys.Length, "as selfKeys");
        Check.Length(selfValueGradient, selfValues.Length, "as selfValues");
        Check.Disjoint(queryGradient, queries);
        Check.Disjoint(queryGradient, state);
        Check.Disjoint(queryGradient, selfKeys);
        Check.Disjoint(queryGradient, selfValues);
        Check.Disjoint(queryGradient, outputGradient);
        Check.Disjoint(queryGradient, stateGradient);
        Check.Disjoint(queryGradient, selfKeyGradient);
        Check.Disjoint(queryGradient, selfValueGradient);
        Check.Disjoint(stateGradient, queries);
        Check.Disjoint(stateGradient, state);
        Check.Disjoint(stateGradient, selfKeys);
        Check.Disjoint(stateGradient, selfValues);
        Check.Disjoint(stateGradient, outputGradient);
        Check.Disjoint(stateGradient, selfKeyGradient);
        Check.Disjoint(stateGradient, selfValueGradient);
        Check.Disjoint(selfKeyGradient, queries);
        Check.Disjoint(selfKeyGradient, state);
        Check.Disjoint(selfKeyGradient, selfKeys);
        Check.Disjoint(selfKeyGradient, selfValues);
        Check.Disjoint(selfKeyGradient, outputGradient);
        Check.Disjoint(selfKeyGradient, selfValueGradient);
        Check.Disjoint(selfValueGradient, queries);
        Check.Disjoint(selfValueGradient, state);
        Check.Disjoint(selfValueGradient, selfKeys);
        Check.Disjoint(selfValueGradient, selfValues);
        Check.Disjoint(selfValueGradient, outputGradient);
        context.Kernels.LinearAttentionApplyBackward(
            shape, options, rows, queries, state, selfKeys, selfValues, outputGradient, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);
    }

    /// <summary>Gradients of <see cref="AddToState"/>: <c>dv_j = phi1(k_j) dM</c>, <c>dk_j = phi1'(k_j) * (dM v_j)</c>; overwritten.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">As in the forward run.</param>
    /// <param name="options">As in the forward run.</param>
    /// <param name="history">As in the forward run.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="keyGradient"><c>[L, H, dk]</c>.</param>
    /// <param name="valueGradient"><c>[L, H, dv]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void AddToStateBackward<T>(
        LongSeqContext context,
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
        Begin<T>(context, shape, options);
        Check.Length(keys, history.Total * shape.KeyRow, "L * H * dk");
        Check.Length(values, history.Total * shape.ValueRow, "L * H * dv");
        Check.Length(stateGradient, (long)history.Count * shape.State, "segments * H * dk * dv");
        Check.Length(keyGradient, keys.Length, "as keys");
        Check.Length(valueGradient, values.Length, "as values");
        Check.Disjoint(keyGradient, keys);
        Check.Disjoint(keyGradient, values);
        Check.Disjoint(keyGradient, stateGradient);
        Check.Disjoint(keyGradient, valueGradient);
        Check.Disjoint(valueGradient, keys);
        Check.Disjoint(valueGradient, values);
        Check.Disjoint(valueGradient, stateGradient);
        context.Kernels.LinearAttentionStateBackward(shape, options, history, keys, values, stateGradient, keyGradient, valueGradient);
    }

    private static void Begin<T>(LongSeqContext context, LinearAttentionShape shape, LinearAttentionOptions options)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        options.Validate();
    }

    private static void CheckRows<T>(
        LinearAttentionShape shape, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues)
        where T : unmanaged
    {
        Check.Length(queries, rows.Total * shape.KeyRow, "T * H * dk");
        Check.Length(state, (long)rows.Count * shape.State, "segments * H * dk * dv");
        Check.LengthOrEmpty(selfKeys, rows.Total * shape.KeyRow, "T * H * dk");
        Check.Length(selfValues, selfKeys.IsEmpty ? 0 : rows.Total * shape.ValueRow, "T * H * dv, with selfKeys");
    }
}

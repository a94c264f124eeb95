namespace LongSeqKernels;

/// <summary>The checked input tensors of a cross attention. For shared history <see cref="Keys"/> and <see cref="Values"/> are the same memory.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public readonly ref struct CrossAttentionInputs<T>
    where T : unmanaged
{
    /// <summary><c>[T, nq, H, dh]</c>, or <c>[M, nq, H, dh]</c> when broadcast.</summary>
    public ReadOnlySpan<T> Queries { get; init; }

    /// <summary><c>[L, Hkv, dh]</c>.</summary>
    public ReadOnlySpan<T> Keys { get; init; }

    /// <summary><c>[L, Hkv, dh]</c>.</summary>
    public ReadOnlySpan<T> Values { get; init; }

    /// <summary><c>[L]</c> or empty.</summary>
    public ReadOnlySpan<float> KeyBias { get; init; }
}

/// <summary>The checked input tensors of a cross attention to an encoded history. For shared history <see cref="Keys"/> and <see cref="Values"/> are the same memory.</summary>
/// <typeparam name="T">Storage type of the queries.</typeparam>
public readonly ref struct CrossAttentionEncodedInputs<T>
    where T : unmanaged
{
    /// <summary><c>[T, nq, H, dh]</c>, or <c>[M, nq, H, dh]</c> when broadcast.</summary>
    public ReadOnlySpan<T> Queries { get; init; }

    /// <summary><c>[L, Hkv]</c> rows of width dh.</summary>
    public EncodedRows Keys { get; init; }

    /// <summary><c>[L, Hkv]</c> rows of width dh.</summary>
    public EncodedRows Values { get; init; }

    /// <summary><c>[L]</c> or empty.</summary>
    public ReadOnlySpan<float> KeyBias { get; init; }
}

/// <summary>The checked tensors of a cross attention's backward beyond its inputs; gradients that are empty are not computed.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public readonly ref struct CrossAttentionGradients<T>
    where T : unmanaged
{
    /// <summary>The forward's output <c>[T, nq, H, dh]</c>; empty for scores without softmax.</summary>
    public ReadOnlySpan<T> Output { get; init; }

    /// <summary>The forward's LSE <c>[T, nq, H]</c>; empty for scores without softmax.</summary>
    public ReadOnlySpan<float> LogSumExp { get; init; }

    /// <summary><c>[T, nq, H, dh]</c>.</summary>
    public ReadOnlySpan<T> OutputGradient { get; init; }

    /// <summary><c>[T, nq, H]</c> or empty.</summary>
    public ReadOnlySpan<float> LogSumExpGradient { get; init; }

    /// <summary>Result: as the queries, or empty.</summary>
    public Span<T> Queries { get; init; }

    /// <summary>Result: as the keys, or empty. For shared history it also takes the part of the values.</summary>
    public Span<T> Keys { get; init; }

    /// <summary>Result: as the values, or empty; always empty for shared history.</summary>
    public Span<T> Values { get; init; }

    /// <summary>Result: <c>[L]</c> or empty.</summary>
    public Span<float> KeyBias { get; init; }
}

namespace LongSeqKernels.Models;

/// <summary>What one layer's attention keeps from its forward run for its backward run.</summary>
/// <param name="keys">Projected: keys <c>[L, H, dh]</c>. Layers that never run backward share one.</param>
/// <param name="values">Projected: values <c>[L, H, dh]</c>. Layers that never run backward share one.</param>
internal sealed class AttentionState(GrowingBuffer keys, GrowingBuffer values)
{
    private long _packedVersion = -1;

    /// <summary>The layer's queries: <c>[T, H, dh]</c> projected, <c>[H, T, dh]</c> absorbed.</summary>
    public GrowingBuffer Heads { get; } = new();

    /// <summary>Projected: keys <c>[L, H, dh]</c>.</summary>
    public GrowingBuffer Keys { get; } = keys;

    /// <summary>Projected: values <c>[L, H, dh]</c>.</summary>
    public GrowingBuffer Values { get; } = values;

    /// <summary>Absorbed: what meets the history, <c>U = (q W_Q) W_K^T</c> <c>[T, H, D]</c>.</summary>
    public GrowingBuffer Probes { get; } = new();

    /// <summary>Absorbed: the history as each head sees it, <c>Z = alpha X</c> <c>[T, H, D]</c>.</summary>
    public GrowingBuffer Views { get; } = new();

    /// <summary>Result of the heads before W_O <c>[T, H, dh]</c>.</summary>
    public GrowingBuffer Mixed { get; } = new();

    /// <summary>LSE <c>[T, H]</c>; empty without softmax.</summary>
    public GrowingBuffer LogSumExp { get; } = new();

    /// <summary>Absorbed: W_K^T <c>[H, dh, D]</c>.</summary>
    public GrowingBuffer KeyTransposed { get; } = new();

    /// <summary>Absorbed: W_V by heads <c>[H, D, dh]</c>.</summary>
    public GrowingBuffer ValueByHead { get; } = new();

    /// <summary>Rearranges W_K and W_V so that each head's block is contiguous, unless that was done for this version of the parameters.</summary>
    public void Pack(Parameter key, Parameter value, int heads, long version)
    {
        if (_packedVersion == version)
        {
            return;
        }
        int width = key.Shape[0];
        HeadOrder.Transpose(key.Values, width, width, KeyTransposed.Use(width, width));
        HeadOrder.Swap(value.Values, width, heads, width / heads, ValueByHead.Use(width, width));
        _packedVersion = version;
    }
}

/// <summary>Scratch memory that the attention of all layers shares: they run one after the other.</summary>
internal sealed class AttentionScratch
{
    public GrowingBuffer RowMajor { get; } = new();

    public GrowingBuffer Wide { get; } = new();

    public GrowingBuffer WideGradient { get; } = new();

    public GrowingBuffer ProbeGradient { get; } = new();

    public GrowingBuffer WeightGradient { get; } = new();

    public GrowingBuffer MixedGradient { get; } = new();

    public GrowingBuffer HeadGradient { get; } = new();

    public GrowingBuffer KeyGradient { get; } = new();

    public GrowingBuffer ValueGradient { get; } = new();
}

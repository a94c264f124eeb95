namespace LongSeqKernels.Models;

/// <summary>What a quasi-linear layer makes of one set of rows (history or seeds); with own memory per layer, all that its backward run needs.</summary>
internal sealed class QuasiLinearRows
{
    /// <summary>The layer's input x <c>[N, D]</c>.</summary>
    public GrowingBuffer Input { get; } = new();

    /// <summary>LN(x).</summary>
    public GrowingBuffer Normalised { get; } = new();

    public GrowingBuffer Queries { get; } = new();

    public GrowingBuffer Keys { get; } = new();

    public GrowingBuffer Values { get; } = new();

    /// <summary>What was read from the state.</summary>
    public GrowingBuffer Attended { get; } = new();

    /// <summary>The attention's result with its residual, before the gated FFN.</summary>
    public GrowingBuffer Mixed { get; } = new();

    /// <summary>The gated FFN's input.</summary>
    public GrowingBuffer FfnInput { get; } = new();
}

/// <summary>Gradients of the rows of a layer, which all layers share: they run one after the other.</summary>
internal sealed class QuasiLinearScratch
{
    public NormScratch Norm { get; } = new();

    public GrowingBuffer SeedNormalised { get; } = new();

    public GrowingBuffer HistoryNormalised { get; } = new();

    public GrowingBuffer Mixed { get; } = new();

    public GrowingBuffer FfnInput { get; } = new();

    public GrowingBuffer Attended { get; } = new();

    public GrowingBuffer Queries { get; } = new();

    public GrowingBuffer Keys { get; } = new();

    public GrowingBuffer Values { get; } = new();
}

using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// The second half of a post-norm attention block: <c>h = LN(x + a); y = LN(h + FFN(h))</c> for rows x and what they attended to (Set Transformer's MAB, SequenceO1's
/// sketch layer).
/// </summary>
internal sealed class PostNormBlock
{
    private readonly int _width;
    private readonly NormLayer _norm;
    private readonly GatedFfnLayer _ffn;
    private readonly NormLayer _ffnNorm;

    public PostNormBlock(ParameterSet set, string name, ModelConfig config)
    {
        _width = config.Width;
        _norm = new NormLayer(set, $"{name}.norm", config);
        _ffn = new GatedFfnLayer(set, $"{name}.ffn", config, FfnNorm.None);
        _ffnNorm = new NormLayer(set, $"{name}.ffn_norm", config);
    }

    /// <summary>The gated FFN starts as nothing.</summary>
    public void Initialise(RandomStream random)
    {
        _norm.Initialise();
        _ffn.Initialise(random);
        _ffn.StartAsNothing();
        _ffnNorm.Initialise();
    }

    /// <summary>Runs forward.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="count">Rows N.</param>
    /// <param name="input">x <c>[N, D]</c>.</param>
    /// <param name="attended">a <c>[N, D]</c>.</param>
    /// <param name="rows">Kept for the backward run.</param>
    /// <param name="output">y <c>[N, D]</c>.</param>
    public void Forward(LongSeqContext context, int count, ReadOnlySpan<float> input, ReadOnlySpan<float> attended, PostNormRows rows, Span<float> output)
    {
        Span<float> sum = rows.Sum.Use(count, _width);
        Span<float> hidden = rows.Hidden.Use(count, _width);
        Span<float> ffnSum = rows.FfnSum.Use(count, _width);
        TensorPrimitives.Add(input, attended, sum);
        _norm.Forward(context, count, sum, hidden);
        _ffn.Forward(context, count, hidden, ffnSum);
        TensorPrimitives.Add(ffnSum, hidden, ffnSum);
        _ffnNorm.Forward(context, count, ffnSum, output);
    }

    /// <summary>Adds to the gradients of the parameters and to <paramref name="sumGradient"/>, that of x and of a.</summary>
    public void Backward(LongSeqContext context, int count, PostNormRows rows, ReadOnlySpan<float> outputGradient, NormScratch scratch, Span<float> sumGradient)
    {
        Span<float> ffnSumGradient = rows.FfnSumGradient.Zeroed(count, _width);
        _ffnNorm.Backward(context, count, rows.FfnSum.Span, outputGradient, scratch, ffnSumGradient);
        Span<float> hiddenGradient = rows.HiddenGradient.Use(count, _width);
        ffnSumGradient.CopyTo(hiddenGradient);
        _ffn.Backward(context, count, rows.Hidden.Span, ffnSumGradient, hiddenGradient);
        _norm.Backward(context, count, rows.Sum.Span, hiddenGradient, scratch, sumGradient);
    }
}

/// <summary>What a post-norm block keeps from its forward run, and its gradients.</summary>
internal sealed class PostNormRows
{
    public GrowingBuffer Sum { get; } = new();

    public GrowingBuffer Hidden { get; } = new();

    public GrowingBuffer FfnSum { get; } = new();

    public GrowingBuffer FfnSumGradient { get; } = new();

    public GrowingBuffer HiddenGradient { get; } = new();
}

using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// One pre-norm transformer layer, <c>x += W_O attention(LN(x)); x += FFN(LN(x))</c>, without the attention itself: callers decide which rows see which, and run it between
/// <see cref="Ask"/> and <see cref="Answer"/>.
/// </summary>
internal sealed class TransformerLayer
{
    private readonly int _width;
    private readonly NormLayer _norm;
    private readonly LinearLayer _query;
    private readonly LinearLayer _key;
    private readonly LinearLayer _value;
    private readonly LinearLayer _output;
    private readonly NormLayer _ffnNorm;
    private readonly GatedFfnLayer _ffn;

    public TransformerLayer(ParameterSet set, string name, ModelConfig config)
    {
        _width = config.Width;
        _norm = new NormLayer(set, $"{name}.norm", config);
        _query = new LinearLayer(set, $"{name}.query", [_width], _width, config.Biases);
        // A bias of the keys cancels in a softmax, and one of the values is part of the output's.
        _key = new LinearLayer(set, $"{name}.key", [_width], _width, bias: false);
        _value = new LinearLayer(set, $"{name}.value", [_width], _width, bias: false);
        _output = new LinearLayer(set, $"{name}.output", [_width], _width, config.Biases);
        _ffnNorm = new NormLayer(set, $"{name}.ffn_norm", config);
        _ffn = new GatedFfnLayer(set, $"{name}.ffn", config, FfnNorm.None);
    }

    /// <summary>Starts as no layer at all: nothing is added to the rows.</summary>
    public void Initialise(RandomStream random)
    {
        _norm.Initialise();
        Initialisation.KeepSize(_query.Weight, random);
        Initialisation.KeepSize(_key.Weight, random);
        Initialisation.KeepSize(_value.Weight, random);
        _output.Weight.Values.Clear();
        _ffnNorm.Initialise();
        _ffn.Initialise(random);
        _ffn.StartAsNothing();
    }

    /// <summary>Normalises rows.</summary>
    public void Normalise(LongSeqContext context, int count, ReadOnlySpan<float> input, TransformerRows rows) =>
        _norm.Forward(context, count, input, rows.Normalised.Use(count, _width));

    /// <summary>Keys and values of rows <c>[N, H, dh]</c>.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="count">N.</param>
    /// <param name="normalised">The rows.</param>
    /// <param name="rows">Kept for the backward run.</param>
    public void Offer(LongSeqContext context, int count, ReadOnlySpan<float> normalised, TransformerRows rows)
    {
        _key.Forward(context, count, 0, normalised, rows.Keys.Use(count, _width));
        _value.Forward(context, count, 0, normalised, rows.Values.Use(count, _width));
    }

    /// <summary>Queries of rows <c>[N, H, dh]</c>.</summary>
    public void Ask(LongSeqContext context, int count, ReadOnlySpan<float> normalised, TransformerRows rows) =>
        _query.Forward(context, count, 0, normalised, rows.Queries.Use(count, _width));

    /// <summary>From the attention's result in <see cref="TransformerRows.Attended"/> to the layer's output.</summary>
    public void Answer(LongSeqContext context, int count, ReadOnlySpan<float> input, TransformerRows rows, Span<float> output)
    {
        Span<float> mixed = rows.Mixed.Use(count, _width);
        _output.Forward(context, count, 0, rows.Attended.Span, mixed);
        TensorPrimitives.Add(mixed, input, mixed);
        Span<float> ffnInput = rows.FfnInput.Use(count, _width);
        _ffnNorm.Forward(context, count, mixed, ffnInput);
        _ffn.Forward(context, count, ffnInput, output);
        TensorPrimitives.Add(output, mixed, output);
    }

    /// <summary>Of <see cref="Answer"/>: adds to the gradients of the parameters and of the input; writes that of the attention's result to the rows.</summary>
    public void AnswerBackward(
        LongSeqContext context, int count, TransformerRows rows, ReadOnlySpan<float> outputGradient, TransformerScratch scratch, Span<float> inputGradient)
    {
        Span<float> mixedGradient = scratch.Mixed.Use(count, _width);
        outputGradient.CopyTo(mixedGradient);
        Span<float> ffnGradient = scratch.FfnInput.Zeroed(count, _width);
        _ffn.Backward(context, count, rows.FfnInput.Span, outputGradient, ffnGradient);
        _ffnNorm.Backward(context, count, rows.Mixed.Span, ffnGradient, scratch.Norm, mixedGradient);
        TensorPrimitives.Add(inputGradient, mixedGradient, inputGradient);
        _output.Backward(context, count, 0, rows.Attended.Span, mixedGradient, rows.AttendedGradient.Zeroed(count, _width));
    }

    /// <summary>Of <see cref="Ask"/>, from <see cref="TransformerRows.QueryGradient"/>: adds to the gradients of the parameters and of the normalised rows.</summary>
    public void AskBackward(LongSeqContext context, int count, ReadOnlySpan<float> normalised, TransformerRows rows, Span<float> normalisedGradient) =>
        _query.Backward(context, count, 0, normalised, rows.QueryGradient.Span, normalisedGradient);

    /// <summary>
    /// Of <see cref="Offer"/>, from <see cref="TransformerRows.KeyGradient"/> and <see cref="TransformerRows.ValueGradient"/>: adds to the gradients of the parameters and of
    /// the normalised rows.
    /// </summary>
    public void OfferBackward(LongSeqContext context, int count, ReadOnlySpan<float> normalised, TransformerRows rows, Span<float> normalisedGradient)
    {
        _key.Backward(context, count, 0, normalised, rows.KeyGradient.Span, normalisedGradient);
        _value.Backward(context, count, 0, normalised, rows.ValueGradient.Span, normalisedGradient);
    }

    /// <summary>Of <see cref="Normalise"/>: adds to the gradients of the parameters and of the input.</summary>
    public void NormaliseBackward(
        LongSeqContext context, int count, ReadOnlySpan<float> input, ReadOnlySpan<float> normalisedGradient, TransformerScratch scratch, Span<float> inputGradient) =>
        _norm.Backward(context, count, input, normalisedGradient, scratch.Norm, inputGradient);
}

/// <summary>What a transformer layer makes of one set of rows, and the gradients that meet there.</summary>
internal sealed class TransformerRows
{
    /// <summary>The layer's input <c>[N, D]</c>.</summary>
    public GrowingBuffer Input { get; } = new();

    public GrowingBuffer Normalised { get; } = new();

    public GrowingBuffer Queries { get; } = new();

    public GrowingBuffer Keys { get; } = new();

    public GrowingBuffer Values { get; } = new();

    /// <summary>The attention's result before W_O.</summary>
    public GrowingBuffer Attended { get; } = new();

    /// <summary>LSE <c>[N, H]</c> of the rows that were attended to; empty without softmax.</summary>
    public GrowingBuffer LogSumExp { get; } = new();

    /// <summary>The attention with its residual, before the gated FFN.</summary>
    public GrowingBuffer Mixed { get; } = new();

    public GrowingBuffer FfnInput { get; } = new();

    public GrowingBuffer AttendedGradient { get; } = new();

    public GrowingBuffer QueryGradient { get; } = new();

    public GrowingBuffer KeyGradient { get; } = new();

    public GrowingBuffer ValueGradient { get; } = new();

    public GrowingBuffer NormalisedGradient { get; } = new();

    public GrowingBuffer InputGradient { get; } = new();
}

/// <summary>Scratch memory that the transformer layers of a run share.</summary>
internal sealed class TransformerScratch
{
    public NormScratch Norm { get; } = new();

    public GrowingBuffer Mixed { get; } = new();

    public GrowingBuffer FfnInput { get; } = new();

    public GrowingBuffer KeyGradient { get; } = new();

    public GrowingBuffer ValueGradient { get; } = new();
}

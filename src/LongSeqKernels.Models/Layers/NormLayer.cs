using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>The parameters of one layer norm, with or without gain and bias, and its two runs.</summary>
internal sealed class NormLayer
{
    private readonly int _width;
    private readonly Parameter? _gain;
    private readonly Parameter? _bias;

    public NormLayer(ParameterSet set, string name, ModelConfig config)
    {
        _width = config.Width;
        if (config.NormAffine)
        {
            _gain = set.Add($"{name}.gain", ParameterKind.Vector, _width);
            _bias = set.Add($"{name}.bias", ParameterKind.Vector, _width);
        }
    }

    public void Initialise()
    {
        if (_gain is not null)
        {
            _gain.Values.Fill(1);
        }
    }

    public void Forward(LongSeqContext context, long rows, ReadOnlySpan<float> input, Span<float> output) =>
        LayerNorm.Forward(context, checked((int)rows), _width, LayerNorm.DefaultEpsilon, input, Values(_gain), Values(_bias), output);

    /// <summary>Adds to the gradients of the parameters and to <paramref name="inputGradient"/>.</summary>
    public void Backward(
        LongSeqContext context, long rows, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, NormScratch scratch, Span<float> inputGradient)
    {
        Span<float> rowGradient = scratch.Rows.Use(rows, _width);
        Span<float> gain = _gain is null ? default : scratch.Gain.Use(1, _width);
        Span<float> bias = _bias is null ? default : scratch.Bias.Use(1, _width);
        LayerNorm.Backward(context, checked((int)rows), _width, LayerNorm.DefaultEpsilon, input, Values(_gain), outputGradient, rowGradient, gain, bias);
        TensorPrimitives.Add(inputGradient, rowGradient, inputGradient);
        if (_gain is not null && _bias is not null)
        {
            TensorPrimitives.Add(_gain.Gradient, gain, _gain.Gradient);
            TensorPrimitives.Add(_bias.Gradient, bias, _bias.Gradient);
        }
    }

    private static ReadOnlySpan<float> Values(Parameter? parameter) => parameter is null ? default : parameter.Values;
}

/// <summary>Scratch memory that the norms of all layers share: they run one after the other.</summary>
internal sealed class NormScratch
{
    public GrowingBuffer Rows { get; } = new();

    public GrowingBuffer Gain { get; } = new();

    public GrowingBuffer Bias { get; } = new();
}

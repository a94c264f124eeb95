namespace LongSeqKernels.Models;

/// <summary>
/// A linear layer over the concatenation of several inputs, which is never made: the weight has one block of rows per input, and the result is the sum of
/// the products (query fusion of STCA, first layer of the scorer).
/// </summary>
internal sealed class LinearLayer
{
    private readonly int[] _inputWidths;
    private readonly int _outputWidth;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    public LinearLayer(ParameterSet set, string name, ReadOnlySpan<int> inputWidths, int outputWidth, bool bias)
    {
        _inputWidths = inputWidths.ToArray();
        _outputWidth = outputWidth;
        _weight = set.Add($"{name}.weight", ParameterKind.Matrix, _inputWidths.Sum(), outputWidth);
        _bias = bias ? set.Add($"{name}.bias", ParameterKind.Vector, outputWidth) : null;
    }

    public Parameter Weight => _weight;

    /// <summary>The weight's block of rows for input <paramref name="input"/>.</summary>
    public Span<float> Block(int input) => Block(_weight.Values, input);

    /// <summary>Computes with input <paramref name="input"/> alone: the first input overwrites and brings the bias, the others add.</summary>
    public void Forward(LongSeqContext context, int rows, int input, ReadOnlySpan<float> values, Span<float> output)
    {
        ReadOnlySpan<float> bias = input == 0 && _bias is not null ? _bias.Values : default;
        Linear.Forward(context, Shape(rows, input), values, Block(input), bias, output, input == 0 ? OutputMode.Overwrite : OutputMode.Add);
    }

    /// <summary>Adds to the gradients of the block, of the bias (with the first input) and to <paramref name="inputGradient"/>, which may be empty.</summary>
    public void Backward(LongSeqContext context, int rows, int input, ReadOnlySpan<float> values, ReadOnlySpan<float> outputGradient, Span<float> inputGradient)
    {
        Span<float> bias = input == 0 && _bias is not null ? _bias.Gradient : default;
        Linear.Backward(context, Shape(rows, input), values, Block(input), outputGradient, inputGradient, Block(_weight.Gradient, input), bias, OutputMode.Add);
    }

    private LinearShape Shape(int rows, int input) => new(rows, _inputWidths[input], _outputWidth);

    private Span<float> Block(Span<float> weight, int input)
    {
        int start = 0;
        for (int i = 0; i < input; i++)
        {
            start += _inputWidths[i];
        }
        return weight.Slice(start * _outputWidth, _inputWidths[input] * _outputWidth);
    }
}

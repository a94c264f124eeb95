namespace LongSeqKernels.Models;

/// <summary>The parameters of one gated FFN with its optional layer norm, and its two runs.</summary>
internal sealed class GatedFfnLayer
{
    private readonly int _width;
    private readonly int _hidden;
    private readonly FfnNorm _norm;
    private readonly Parameter _up;
    private readonly Parameter _gate;
    private readonly Parameter _down;
    private readonly Parameter? _upBias;
    private readonly Parameter? _gateBias;
    private readonly Parameter? _downBias;
    private readonly Parameter? _normGain;
    private readonly Parameter? _normBias;

    public GatedFfnLayer(ParameterSet set, string name, ModelConfig config, FfnNorm norm)
    {
        _width = config.Width;
        _hidden = config.HiddenWidth;
        _norm = norm;
        _up = set.Add($"{name}.up", ParameterKind.Matrix, _width, _hidden);
        _gate = set.Add($"{name}.gate", ParameterKind.Matrix, _width, _hidden);
        _down = set.Add($"{name}.down", ParameterKind.Matrix, _hidden, _width);
        if (config.Biases)
        {
            _upBias = set.Add($"{name}.up_bias", ParameterKind.Vector, _hidden);
            _gateBias = set.Add($"{name}.gate_bias", ParameterKind.Vector, _hidden);
            _downBias = set.Add($"{name}.down_bias", ParameterKind.Vector, _width);
        }
        if (norm == FfnNorm.LayerNorm && config.NormAffine)
        {
            _normGain = set.Add($"{name}.norm_gain", ParameterKind.Vector, _width);
            _normBias = set.Add($"{name}.norm_bias", ParameterKind.Vector, _width);
        }
    }

    public void Initialise(RandomStream random)
    {
        Initialisation.KeepSize(_up, random);
        Initialisation.KeepSize(_gate, random);
        Initialisation.KeepSize(_down, random);
        if (_normGain is not null)
        {
            _normGain.Values.Fill(1);
        }
    }

    /// <summary>Starts with gate = up, so that the hidden rows are about the squares of linear features: what comes in strongly is seen whatever its direction.</summary>
    public void StartAsSquares() => _up.Values.CopyTo(_gate.Values);

    /// <summary>Starts with output 0, so that a residual around it starts as no layer at all.</summary>
    public void StartAsNothing() => _down.Values.Clear();

    /// <summary>Starts with the matrices of another: equal inputs then have equal outputs.</summary>
    public void StartAs(GatedFfnLayer other)
    {
        other._up.Values.CopyTo(_up.Values);
        other._gate.Values.CopyTo(_gate.Values);
        other._down.Values.CopyTo(_down.Values);
    }

    public void Forward(LongSeqContext context, long rows, ReadOnlySpan<float> input, Span<float> output) =>
        GatedFfn.Forward(context, Shape(rows), input, Weights(), output);

    /// <summary>Adds to the gradients of the parameters and to <paramref name="inputGradient"/>.</summary>
    public void Backward(LongSeqContext context, long rows, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, Span<float> inputGradient) =>
        GatedFfn.Backward(context, Shape(rows), input, Weights(), outputGradient, inputGradient, new GatedFfnGradients<float>
        {
            Up = _up.Gradient,
            Gate = _gate.Gradient,
            Down = _down.Gradient,
            UpBias = Gradient(_upBias),
            GateBias = Gradient(_gateBias),
            DownBias = Gradient(_downBias),
            NormGain = Gradient(_normGain),
            NormBias = Gradient(_normBias),
        }, OutputMode.Add);

    private static ReadOnlySpan<float> Values(Parameter? parameter) => parameter is null ? default : parameter.Values;

    private static Span<float> Gradient(Parameter? parameter) => parameter is null ? default : parameter.Gradient;

    private GatedFfnShape Shape(long rows) => new(checked((int)rows), _width, _hidden, _norm);

    private GatedFfnWeights<float> Weights() => new()
    {
        Up = _up.Values,
        Gate = _gate.Values,
        Down = _down.Values,
        UpBias = Values(_upBias),
        GateBias = Values(_gateBias),
        DownBias = Values(_downBias),
        NormGain = Values(_normGain),
        NormBias = Values(_normBias),
    };
}

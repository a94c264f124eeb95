using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// One layer of quasi-linear attention (VISTA, arXiv 2510.22049, section 3 and appendix B.2): <c>x -> LN -> Q, K, V</c>, a state <c>M = phi1(K)^T V</c> that rows write
/// and read, <c>y = LN(phi1(Q) phi2(s M))</c>, residual, gated FFN with residual. Writing and reading are separate runs: histories may come in parts, and the last layer's
/// history writes only.
/// </summary>
internal sealed class QuasiLinearLayer
{
    private readonly int _width;
    private readonly bool _fromNormalised;
    private readonly LinearAttentionOptions _options;
    private readonly NormLayer _norm;
    private readonly LinearLayer _query;
    private readonly LinearLayer _key;
    private readonly LinearLayer _value;
    private readonly NormLayer? _attentionNorm;
    private readonly NormLayer? _ffnNorm;
    private readonly GatedFfnLayer? _ffn;

    public QuasiLinearLayer(ParameterSet set, string name, VistaConfig config)
    {
        _width = config.Width;
        _fromNormalised = config.Residual == ResidualSource.NormalisedInput;
        Shape = new LinearAttentionShape(config.Heads, config.HeadWidth, config.HeadWidth);
        _options = new LinearAttentionOptions { RowActivation = config.RowActivation, StateActivation = config.StateActivation };
        _norm = new NormLayer(set, $"{name}.norm", config);
        _query = new LinearLayer(set, $"{name}.query", [_width], _width, config.Biases);
        _key = new LinearLayer(set, $"{name}.key", [_width], _width, config.Biases);
        _value = new LinearLayer(set, $"{name}.value", [_width], _width, config.Biases);
        _attentionNorm = config.AttentionLayerNorm ? new NormLayer(set, $"{name}.attention_norm", config) : null;
        if (config.GatedFfn)
        {
            _ffnNorm = new NormLayer(set, $"{name}.ffn_norm", config);
            _ffn = new GatedFfnLayer(set, $"{name}.ffn", config, FfnNorm.None);
        }
    }

    /// <summary>Heads and widths of the state <c>[segments, H, dh, dh]</c>.</summary>
    public LinearAttentionShape Shape { get; }

    /// <summary>Values start as the rows themselves and the gated FFN as nothing: a summary starts in the space of the tokens.</summary>
    public void Initialise(RandomStream random)
    {
        _norm.Initialise();
        Initialisation.KeepSize(_query.Weight, random);
        Initialisation.KeepSize(_key.Weight, random);
        Initialisation.Identity(_value.Weight);
        _attentionNorm?.Initialise();
        _ffnNorm?.Initialise();
        _ffn?.Initialise(random);
        _ffn?.StartAsNothing();
    }

    public void Normalise(LongSeqContext context, long count, ReadOnlySpan<float> input, QuasiLinearRows rows) =>
        _norm.Forward(context, count, input, rows.Normalised.Use(count, _width));

    /// <summary>Adds normalised rows to the states <c>[segments, H, dh, dh]</c>.</summary>
    public void Write(LongSeqContext context, JaggedLayout layout, QuasiLinearRows rows, Span<float> state)
    {
        int count = checked((int)layout.Total);
        Span<float> keys = rows.Keys.Use(count, _width);
        Span<float> values = rows.Values.Use(count, _width);
        _key.Forward(context, count, 0, rows.Normalised.Span, keys);
        _value.Forward(context, count, 0, rows.Normalised.Span, values);
        LinearAttention.AddToState<float>(context, Shape, _options, layout, keys, values, state);
    }

    /// <summary>Normalised rows read the scaled states and become the next layer's.</summary>
    public void Read(LongSeqContext context, JaggedLayout layout, ReadOnlySpan<float> input, QuasiLinearRows rows, ReadOnlySpan<float> state, Span<float> output)
    {
        int count = checked((int)layout.Total);
        Span<float> queries = rows.Queries.Use(count, _width);
        _query.Forward(context, count, 0, rows.Normalised.Span, queries);
        Span<float> attended = rows.Attended.Use(count, _width);
        LinearAttention.Apply<float>(context, Shape, _options, layout, queries, state, default, default, attended);
        Span<float> mixed = _ffn is null ? output : rows.Mixed.Use(count, _width);
        if (_attentionNorm is null)
        {
            attended.CopyTo(mixed);
        }
        else
        {
            _attentionNorm.Forward(context, count, attended, mixed);
        }
        TensorPrimitives.Add(mixed, _fromNormalised ? rows.Normalised.Span : input, mixed);
        if (_ffn is not null && _ffnNorm is not null)
        {
            Span<float> ffnInput = rows.FfnInput.Use(count, _width);
            _ffnNorm.Forward(context, count, mixed, ffnInput);
            _ffn.Forward(context, count, ffnInput, output);
            TensorPrimitives.Add(output, mixed, output);
        }
    }

    /// <summary>
    /// Of <see cref="Read"/>: adds to the gradients of the parameters, of the scaled states and of the rows, whose normalised part is collected in
    /// <paramref name="normalisedGradient"/> until <see cref="NormaliseBackward"/>.
    /// </summary>
    public void ReadBackward(
        LongSeqContext context,
        JaggedLayout layout,
        QuasiLinearRows rows,
        ReadOnlySpan<float> state,
        ReadOnlySpan<float> outputGradient,
        QuasiLinearScratch scratch,
        Span<float> stateGradient,
        Span<float> normalisedGradient,
        Span<float> inputGradient)
    {
        int count = checked((int)layout.Total);
        Span<float> mixedGradient = scratch.Mixed.Use(count, _width);
        outputGradient.CopyTo(mixedGradient);
        if (_ffn is not null && _ffnNorm is not null)
        {
            Span<float> ffnGradient = scratch.FfnInput.Zeroed(count, _width);
            _ffn.Backward(context, count, rows.FfnInput.Span, outputGradient, ffnGradient);
            _ffnNorm.Backward(context, count, rows.Mixed.Span, ffnGradient, scratch.Norm, mixedGradient);
        }
        Span<float> residual = _fromNormalised ? normalisedGradient : inputGradient;
        TensorPrimitives.Add(residual, mixedGradient, residual);
        Span<float> attendedGradient = mixedGradient;
        if (_attentionNorm is not null)
        {
            attendedGradient = scratch.Attended.Zeroed(count, _width);
            _attentionNorm.Backward(context, count, rows.Attended.Span, mixedGradient, scratch.Norm, attendedGradient);
        }
        Span<float> queryGradient = scratch.Queries.Use(count, _width);
        LinearAttention.ApplyBackward<float>(
            context, Shape, _options, layout, rows.Queries.Span, state, default, default, attendedGradient, queryGradient, stateGradient, default, default);
        _query.Backward(context, count, 0, rows.Normalised.Span, queryGradient, normalisedGradient);
    }

    /// <summary>Of <see cref="Write"/>: adds to the gradients of the parameters and of the normalised rows.</summary>
    public void WriteBackward(
        LongSeqContext context, JaggedLayout layout, QuasiLinearRows rows, ReadOnlySpan<float> stateGradient, QuasiLinearScratch scratch, Span<float> normalisedGradient)
    {
        int count = checked((int)layout.Total);
        Span<float> keyGradient = scratch.Keys.Use(count, _width);
        Span<float> valueGradient = scratch.Values.Use(count, _width);
        LinearAttention.AddToStateBackward<float>(
            context, Shape, _options, layout, rows.Keys.Span, rows.Values.Span, stateGradient, keyGradient, valueGradient);
        _key.Backward(context, count, 0, rows.Normalised.Span, keyGradient, normalisedGradient);
        _value.Backward(context, count, 0, rows.Normalised.Span, valueGradient, normalisedGradient);
    }

    /// <summary>Of <see cref="Normalise"/>: adds to the gradients of the parameters and of the input.</summary>
    public void NormaliseBackward(
        LongSeqContext context, long count, ReadOnlySpan<float> input, ReadOnlySpan<float> normalisedGradient, QuasiLinearScratch scratch, Span<float> inputGradient) =>
        _norm.Backward(context, count, input, normalisedGradient, scratch.Norm, inputGradient);
}

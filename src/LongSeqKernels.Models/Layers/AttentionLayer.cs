namespace LongSeqKernels.Models;

/// <summary>
/// One layer's cross attention: W_Q, W_K, W_V <c>[D, H dh]</c>, W_O <c>[H dh, D]</c>, in the projected and in the absorbed form, which are equal up to rounding.
/// With biases there is one for the queries and one for the output only: a bias of the keys cancels in the softmax, and one of the values is part of the output's.
/// </summary>
internal sealed class AttentionLayer
{
    /// <summary>About ln(3000): one match in thousands of events has a weight that can be seen.</summary>
    private const float MatchLogit = 8;

    private readonly int _width;
    private readonly int _heads;
    private readonly int _headWidth;
    private readonly Parameter _query;
    private readonly Parameter _key;
    private readonly Parameter _value;
    private readonly Parameter _output;
    private readonly Parameter? _queryBias;
    private readonly Parameter? _outputBias;

    public AttentionLayer(ParameterSet set, string name, ModelConfig config)
    {
        _width = config.Width;
        _heads = config.Heads;
        _headWidth = config.HeadWidth;
        _query = set.Add($"{name}.query", ParameterKind.Matrix, _width, _width);
        _key = set.Add($"{name}.key", ParameterKind.Matrix, _width, _width);
        _value = set.Add($"{name}.value", ParameterKind.Matrix, _width, _width);
        _output = set.Add($"{name}.output", ParameterKind.Matrix, _width, _width);
        if (config.Biases)
        {
            _queryBias = set.Add($"{name}.query_bias", ParameterKind.Vector, _width);
            _outputBias = set.Add($"{name}.output_bias", ParameterKind.Vector, _width);
        }
    }

    /// <summary>
    /// W_K starts as W_Q, so that a logit starts as a similarity of the encoded target and the encoded event; scaled so that an event of the target's own item
    /// has a logit of about <see cref="MatchLogit"/>, while others have about 0.
    /// </summary>
    public void Initialise(RandomStream random)
    {
        // Layer norms make rows of length sqrt(D), so with size-keeping projections a match has the logit dh / sqrt(dh).
        Initialisation.KeepSize(_query, random, MathF.Sqrt(MatchLogit / MathF.Sqrt(_headWidth)));
        _query.Values.CopyTo(_key.Values);
        Initialisation.KeepSize(_value, random);
        Initialisation.KeepSize(_output, random);
    }

    /// <summary>Starts with W_V and W_O as identities: what is read keeps the directions of the history's rows, and can be compared with the query's.</summary>
    public void StartPassingThrough()
    {
        Initialisation.Identity(_value);
        Initialisation.Identity(_output);
    }

    /// <summary>The whole forward run over a history that is at hand.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="plan">Form and shape.</param>
    /// <param name="encoded">The encoded history <c>[L, D]</c>.</param>
    /// <param name="query">The layer's query <c>[T, D]</c>.</param>
    /// <param name="state">Kept for the backward run.</param>
    /// <param name="scratch">Memory of no meaning between runs.</param>
    /// <param name="version">Of the parameters.</param>
    /// <param name="output">o <c>[T, D]</c>.</param>
    public void Forward(
        LongSeqContext context,
        AttentionPlan plan,
        ReadOnlySpan<float> encoded,
        ReadOnlySpan<float> query,
        AttentionState state,
        AttentionScratch scratch,
        long version,
        Span<float> output)
    {
        Ask(context, plan, query, state, scratch, version);
        Span<float> logSumExp = state.LogSumExp.Use(plan.Targets, plan.Core.Options.Score == AttentionScore.Softmax ? _heads : 0);
        Span<float> result = Result(plan, state);
        if (plan.Form == AttentionForm.Projected)
        {
            Project(context, plan, encoded, state);
            CrossAttention.Forward<float>(plan.Core, state.Heads.Span, state.Keys.Span, state.Values.Span, result, logSumExp);
        }
        else
        {
            CrossAttention.Forward(plan.Core, state.Probes.Span, encoded, default, result, logSumExp);
        }
        Answer(context, plan, state, scratch, output);
    }

    /// <summary>As <see cref="Forward"/>, in absorbed form over rows that are decoded as they are read; there is no backward run.</summary>
    public void ForwardEncoded(
        LongSeqContext context,
        AttentionPlan plan,
        EncodedRows encoded,
        ReadOnlySpan<float> query,
        AttentionState state,
        AttentionScratch scratch,
        long version,
        Span<float> output)
    {
        Ask(context, plan, query, state, scratch, version);
        CrossAttention.ForwardEncoded(plan.Core, state.Probes.Span, encoded, default, Result(plan, state));
        Answer(context, plan, state, scratch, output);
    }

    /// <summary>First part of a forward run: what meets the history.</summary>
    public void Ask(LongSeqContext context, AttentionPlan plan, ReadOnlySpan<float> query, AttentionState state, AttentionScratch scratch, long version)
    {
        int targets = plan.Targets;
        var square = new LinearShape(targets, _width, _width);
        Span<float> heads = state.Heads.Use(targets, _width);
        if (plan.Form == AttentionForm.Projected)
        {
            Linear.Forward(context, square, query, _query.Values, Values(_queryBias), heads);
            plan.LengthScale?.Apply(heads, _width);
            return;
        }
        state.Pack(_key, _value, _heads, version);
        Span<float> rowMajor = scratch.RowMajor.Use(targets, _width);
        Linear.Forward(context, square, query, _query.Values, Values(_queryBias), rowMajor);
        plan.LengthScale?.Apply(rowMajor, _width);
        HeadOrder.Swap(rowMajor, targets, _heads, _headWidth, heads);
        Span<float> wide = scratch.Wide.Use(targets, _heads * _width);
        for (int head = 0; head < _heads; head++)
        {
            Linear.Forward(context, ToWide(targets), Narrow(heads, head, targets), Block(state.KeyTransposed.Span, head), default, Wide(wide, head, targets));
        }
        HeadOrder.Swap(wide, _heads, targets, _width, state.Probes.Use(targets, _heads * _width));
    }

    /// <summary>Second part, for histories that come in parts: attends to one of them and leaves the partial state, to be merged into <see cref="Result"/>.</summary>
    public void AttendToPart(
        LongSeqContext context, AttentionPlan plan, ReadOnlySpan<float> encoded, AttentionState state, Span<float> partOutput, Span<float> partLogSumExp)
    {
        if (plan.Form == AttentionForm.Projected)
        {
            Project(context, plan, encoded, state);
            CrossAttention.ForwardState<float>(plan.Core, state.Heads.Span, state.Keys.Span, state.Values.Span, partOutput, partLogSumExp);
        }
        else
        {
            CrossAttention.ForwardState(plan.Core, state.Probes.Span, encoded, default, partOutput, partLogSumExp);
        }
    }

    /// <summary>Where the attention's result goes: <c>[T, H, dh]</c> projected, <c>[T, H, D]</c> absorbed.</summary>
    public Span<float> Result(AttentionPlan plan, AttentionState state) =>
        plan.Form == AttentionForm.Projected ? state.Mixed.Use(plan.Targets, _width) : state.Views.Use(plan.Targets, _heads * _width);

    /// <summary>Last part: from the attention's result to the layer's output.</summary>
    public void Answer(LongSeqContext context, AttentionPlan plan, AttentionState state, AttentionScratch scratch, Span<float> output)
    {
        int targets = plan.Targets;
        if (plan.Form == AttentionForm.Absorbed)
        {
            Span<float> wide = scratch.Wide.Use(targets, _heads * _width);
            HeadOrder.Swap(state.Views.Span, targets, _heads, _width, wide);
            Span<float> narrow = scratch.RowMajor.Use(targets, _width);
            for (int head = 0; head < _heads; head++)
            {
                Linear.Forward(context, ToNarrow(targets), Wide(wide, head, targets), Block(state.ValueByHead.Span, head), default, Narrow(narrow, head, targets));
            }
            HeadOrder.Swap(narrow, _heads, targets, _headWidth, state.Mixed.Use(targets, _width));
        }
        Linear.Forward(context, new LinearShape(targets, _width, _width), state.Mixed.Span, _output.Values, Values(_outputBias), output);
    }

    /// <summary>Adds to the gradients of the parameters; overwrites the other two.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="plan">As in the forward run.</param>
    /// <param name="encoded">As in the forward run.</param>
    /// <param name="query">As in the forward run.</param>
    /// <param name="state">Of the forward run.</param>
    /// <param name="scratch">Memory of no meaning between runs.</param>
    /// <param name="outputGradient"><c>[T, D]</c>.</param>
    /// <param name="queryGradient"><c>[T, D]</c>.</param>
    /// <param name="encodedGradient"><c>[L, D]</c>.</param>
    public void Backward(
        LongSeqContext context,
        AttentionPlan plan,
        ReadOnlySpan<float> encoded,
        ReadOnlySpan<float> query,
        AttentionState state,
        AttentionScratch scratch,
        ReadOnlySpan<float> outputGradient,
        Span<float> queryGradient,
        Span<float> encodedGradient)
    {
        int targets = plan.Targets;
        var square = new LinearShape(targets, _width, _width);
        Span<float> mixedGradient = scratch.MixedGradient.Zeroed(targets, _width);
        Linear.Backward(context, square, state.Mixed.Span, _output.Values, outputGradient, mixedGradient, _output.Gradient, Gradient(_outputBias), OutputMode.Add);
        Span<float> headGradient = scratch.HeadGradient.Use(targets, _width);
        if (plan.Form == AttentionForm.Projected)
        {
            BackwardProjected(context, plan, encoded, state, scratch, mixedGradient, headGradient, encodedGradient);
        }
        else
        {
            BackwardAbsorbed(context, plan, encoded, state, scratch, mixedGradient, headGradient, encodedGradient);
        }
        plan.LengthScale?.Apply(headGradient, _width);
        queryGradient.Clear();
        Linear.Backward(context, square, query, _query.Values, headGradient, queryGradient, _query.Gradient, Gradient(_queryBias), OutputMode.Add);
    }

    private void BackwardProjected(
        LongSeqContext context,
        AttentionPlan plan,
        ReadOnlySpan<float> encoded,
        AttentionState state,
        AttentionScratch scratch,
        ReadOnlySpan<float> mixedGradient,
        Span<float> headGradient,
        Span<float> encodedGradient)
    {
        Span<float> keyGradient = scratch.KeyGradient.Use(plan.Events, _width);
        Span<float> valueGradient = scratch.ValueGradient.Use(plan.Events, _width);
        CrossAttention.Backward<float>(
            plan.Core, state.Heads.Span, state.Keys.Span, state.Values.Span, state.Mixed.Span, state.LogSumExp.Span, mixedGradient, headGradient, keyGradient, valueGradient);
        var history = new LinearShape(checked((int)plan.Events), _width, _width);
        encodedGradient.Clear();
        Linear.Backward(context, history, encoded, _key.Values, keyGradient, encodedGradient, _key.Gradient, default, OutputMode.Add);
        Linear.Backward(context, history, encoded, _value.Values, valueGradient, encodedGradient, _value.Gradient, default, OutputMode.Add);
    }

    private void BackwardAbsorbed(
        LongSeqContext context,
        AttentionPlan plan,
        ReadOnlySpan<float> encoded,
        AttentionState state,
        AttentionScratch scratch,
        ReadOnlySpan<float> mixedGradient,
        Span<float> headGradient,
        Span<float> encodedGradient)
    {
        int targets = plan.Targets;
        Span<float> narrow = scratch.RowMajor.Use(targets, _width);
        HeadOrder.Swap(mixedGradient, targets, _heads, _headWidth, narrow);
        Span<float> wide = scratch.Wide.Use(targets, _heads * _width);
        HeadOrder.Swap(state.Views.Span, targets, _heads, _width, wide);
        Span<float> wideGradient = scratch.WideGradient.Use(targets, _heads * _width);
        Span<float> weightGradient = scratch.WeightGradient.Use(_width, _width);
        for (int head = 0; head < _heads; head++)
        {
            Linear.Backward<float>(
                context, ToNarrow(targets), Wide(wide, head, targets), Block(state.ValueByHead.Span, head), Narrow(narrow, head, targets), Wide(wideGradient, head, targets), Block(weightGradient, head), default);
        }
        HeadOrder.SwapAdd(weightGradient, _heads, _width, _headWidth, _value.Gradient);

        Span<float> viewGradient = wide;
        HeadOrder.Swap(wideGradient, _heads, targets, _width, viewGradient);
        Span<float> probeGradient = scratch.ProbeGradient.Use(targets, _heads * _width);
        CrossAttention.Backward(
            plan.Core, state.Probes.Span, encoded, default, state.Views.Span, state.LogSumExp.Span, viewGradient, probeGradient, encodedGradient, default);

        HeadOrder.Swap(probeGradient, targets, _heads, _width, wideGradient);
        for (int head = 0; head < _heads; head++)
        {
            Linear.Backward<float>(
                context, ToWide(targets), Narrow(state.Heads.Span, head, targets), Block(state.KeyTransposed.Span, head), Wide(wideGradient, head, targets), Narrow(narrow, head, targets), Block(weightGradient, head), default);
        }
        HeadOrder.TransposeAdd(weightGradient, _width, _width, _key.Gradient);
        HeadOrder.Swap(narrow, _heads, targets, _headWidth, headGradient);
    }

    private void Project(LongSeqContext context, AttentionPlan plan, ReadOnlySpan<float> encoded, AttentionState state)
    {
        var history = new LinearShape(checked((int)plan.Events), _width, _width);
        Linear.Forward(context, history, encoded, _key.Values, default, state.Keys.Use(plan.Events, _width));
        Linear.Forward(context, history, encoded, _value.Values, default, state.Values.Use(plan.Events, _width));
    }

    private static ReadOnlySpan<float> Values(Parameter? parameter) => parameter is null ? default : parameter.Values;

    private static Span<float> Gradient(Parameter? parameter) => parameter is null ? default : parameter.Gradient;

    private LinearShape ToWide(int targets) => new(targets, _headWidth, _width);

    private LinearShape ToNarrow(int targets) => new(targets, _width, _headWidth);

    private Span<float> Narrow(Span<float> headMajor, int head, int targets) => headMajor.Slice(head * targets * _headWidth, targets * _headWidth);

    private Span<float> Wide(Span<float> headMajor, int head, int targets) => headMajor.Slice(head * targets * _width, targets * _width);

    private Span<float> Block(Span<float> weight, int head) => weight.Slice(head * _headWidth * _width, _headWidth * _width);
}

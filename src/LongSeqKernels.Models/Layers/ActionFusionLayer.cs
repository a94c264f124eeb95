using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// Action fusion of SequenceO1: <c>x = e + SwiGLU([e ; a])</c>. Actions are few, so the part of <c>[e ; a] W</c> that comes from the action is one bias vector per
/// action: events are grouped by action, and each group is a gated FFN of the model's width with that bias.
/// </summary>
internal sealed class ActionFusionLayer
{
    private readonly int _width;
    private readonly int _hidden;
    private readonly Parameter _actions;
    private readonly Parameter _up;
    private readonly Parameter _gate;
    private readonly Parameter _down;
    private readonly Parameter? _upBias;
    private readonly Parameter? _gateBias;
    private readonly Parameter? _downBias;

    public ActionFusionLayer(ParameterSet set, string name, ModelConfig config, Parameter actions)
    {
        _width = config.Width;
        _hidden = config.HiddenWidth;
        _actions = actions;
        _up = set.Add($"{name}.up", ParameterKind.Matrix, 2 * _width, _hidden);
        _gate = set.Add($"{name}.gate", ParameterKind.Matrix, 2 * _width, _hidden);
        _down = set.Add($"{name}.down", ParameterKind.Matrix, _hidden, _width);
        if (config.Biases)
        {
            _upBias = set.Add($"{name}.up_bias", ParameterKind.Vector, _hidden);
            _gateBias = set.Add($"{name}.gate_bias", ParameterKind.Vector, _hidden);
            _downBias = set.Add($"{name}.down_bias", ParameterKind.Vector, _width);
        }
    }

    public void Initialise(RandomStream random)
    {
        Initialisation.KeepSize(_up, random);
        Initialisation.KeepSize(_gate, random);
        Initialisation.KeepSize(_down, random);
    }

    /// <summary>Fuses in place: rows <c>[L, D]</c> come in as e and leave as x.</summary>
    public void Forward(LongSeqContext context, ReadOnlySpan<int> actions, ActionFusionState state, Span<float> rows)
    {
        state.Group(actions, _actions.Shape[0]);
        Span<float> grouped = state.Grouped.Use(actions.Length, _width);
        Span<float> result = state.Result.Use(actions.Length, _width);
        for (int i = 0; i < actions.Length; i++)
        {
            Row(rows, state.Order[i]).CopyTo(Row(grouped, i));
        }
        for (int action = 0; action < _actions.Shape[0]; action++)
        {
            Range group = state.Group(action, _width);
            int count = state.Count(action);
            Shift(context, action, state);
            GatedFfn.Forward(context, Shape(count), grouped[group], Weights(state), result[group]);
        }
        for (int i = 0; i < actions.Length; i++)
        {
            Span<float> row = Row(rows, state.Order[i]);
            TensorPrimitives.Add(row, Row(result, i), row);
        }
    }

    /// <summary>Adds to the gradients of the parameters; <paramref name="rowGradients"/> come in as those of x and leave as those of e.</summary>
    public void Backward(LongSeqContext context, ReadOnlySpan<int> actions, ActionFusionState state, Span<float> rowGradients)
    {
        Span<float> gradient = state.Gradient.Use(actions.Length, _width);
        Span<float> inputGradient = state.InputGradient.Use(actions.Length, _width);
        for (int i = 0; i < actions.Length; i++)
        {
            Row(rowGradients, state.Order[i]).CopyTo(Row(gradient, i));
        }
        gradient.CopyTo(inputGradient);
        for (int action = 0; action < _actions.Shape[0]; action++)
        {
            Range group = state.Group(action, _width);
            int count = state.Count(action);
            Shift(context, action, state);
            Span<float> upShiftGradient = state.UpShiftGradient.Zeroed(1, _hidden);
            Span<float> gateShiftGradient = state.GateShiftGradient.Zeroed(1, _hidden);
            GatedFfn.Backward(context, Shape(count), state.Grouped.Span[group], Weights(state), gradient[group], inputGradient[group], new GatedFfnGradients<float>
            {
                Up = Top(_up.Gradient),
                Gate = Top(_gate.Gradient),
                Down = _down.Gradient,
                UpBias = upShiftGradient,
                GateBias = gateShiftGradient,
                DownBias = _downBias is null ? default : _downBias.Gradient,
            }, OutputMode.Add);
            ShiftBackward(context, action, _up, _upBias, upShiftGradient);
            ShiftBackward(context, action, _gate, _gateBias, gateShiftGradient);
        }
        for (int i = 0; i < actions.Length; i++)
        {
            Row(inputGradient, i).CopyTo(Row(rowGradients, state.Order[i]));
        }
    }

    private void Shift(LongSeqContext context, int action, ActionFusionState state)
    {
        var shape = new LinearShape(1, _width, _hidden);
        ReadOnlySpan<float> embedding = Row(_actions.Values, action);
        Linear.Forward(context, shape, embedding, Bottom(_up.Values), _upBias is null ? default : _upBias.Values, state.UpShift.Use(1, _hidden));
        Linear.Forward(context, shape, embedding, Bottom(_gate.Values), _gateBias is null ? default : _gateBias.Values, state.GateShift.Use(1, _hidden));
    }

    private void ShiftBackward(LongSeqContext context, int action, Parameter matrix, Parameter? bias, ReadOnlySpan<float> gradient) =>
        Linear.Backward(
            context,
            new LinearShape(1, _width, _hidden),
            Row(_actions.Values, action),
            Bottom(matrix.Values),
            gradient,
            Row(_actions.Gradient, action),
            Bottom(matrix.Gradient),
            bias is null ? default : bias.Gradient,
            OutputMode.Add);

    private GatedFfnShape Shape(int rows) => new(rows, _width, _hidden, FfnNorm.None);

    private GatedFfnWeights<float> Weights(ActionFusionState state) => new()
    {
        Up = Top(_up.Values),
        Gate = Top(_gate.Values),
        Down = _down.Values,
        UpBias = state.UpShift.Span,
        GateBias = state.GateShift.Span,
        DownBias = _downBias is null ? default : _downBias.Values,
    };

    private Span<float> Row(Span<float> rows, int row) => rows.Slice(row * _width, _width);

    private Span<float> Top(Span<float> matrix) => matrix[..(_width * _hidden)];

    private Span<float> Bottom(Span<float> matrix) => matrix[(_width * _hidden)..];
}

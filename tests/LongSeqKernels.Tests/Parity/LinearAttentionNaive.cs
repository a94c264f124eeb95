namespace LongSeqKernels.Tests;

/// <summary>Linear attention as whole matrices, segment by segment and head by head: adding to states, and reading given states.</summary>
internal sealed class LinearAttentionNaive<T>
    where T : unmanaged
{
    private readonly NaiveTape<T> _tape = new();
    private readonly LinearAttentionData<float> _data;
    private readonly NaiveMatrix _keys;
    private readonly NaiveMatrix _values;
    private readonly NaiveMatrix _queries;
    private readonly NaiveMatrix _selfKeys;
    private readonly NaiveMatrix _selfValues;
    private readonly NaiveMatrix _readState;

    /// <param name="data">The case.</param>
    /// <param name="readState">The states that are read, as raw sums.</param>
    public LinearAttentionNaive(LinearAttentionData<float> data, float[] readState)
    {
        _data = data;
        LinearAttentionShape shape = data.Case.Shape;
        int rows = (int)data.Rows.Total;
        int selfRows = data.Case.SelfTerm ? rows : 0;
        int stateRows = data.History.Count * shape.Heads * shape.KeyWidth;
        _keys = _tape.Input(data.Keys, (int)data.History.Total, shape.KeyRow);
        _values = _tape.Input(data.Values, (int)data.History.Total, shape.ValueRow);
        _queries = _tape.Input(data.Queries, rows, shape.KeyRow);
        _selfKeys = _tape.Input(data.SelfKeys, selfRows, shape.KeyRow);
        _selfValues = _tape.Input(data.SelfValues, selfRows, shape.ValueRow);
        _readState = _tape.Input(readState, stateRows, shape.ValueWidth);
        Output = new NaiveMatrix(rows, shape.ValueRow);
        NaiveMatrix added = new(stateRows, shape.ValueWidth);
        for (int segment = 0; segment < data.History.Count; segment++)
        {
            for (int head = 0; head < shape.Heads; head++)
            {
                AddToState(added, segment, head);
                Apply(segment, head);
            }
        }
        State = _tape.Add(_tape.Input(data.StateBefore, stateRows, shape.ValueWidth), added);
    }

    public NaiveMatrix State { get; }

    public NaiveMatrix Output { get; }

    public (float[] Keys, float[] Values, LinearAttentionApplyGradients<float> Apply) Backward(float[] stateGradient)
    {
        stateGradient.CopyTo(State.Gradient, 0);
        _data.OutputGradient.CopyTo(Output.Gradient, 0);
        _data.StateBefore.CopyTo(_readState.Gradient, 0);
        _tape.Backward();
        return (_keys.Gradient, _values.Gradient, new(_queries.Gradient, _readState.Gradient, _selfKeys.Gradient, _selfValues.Gradient));
    }

    private void AddToState(NaiveMatrix state, int segment, int head)
    {
        LinearAttentionShape shape = _data.Case.Shape;
        int start = (int)_data.History.Start(segment);
        int length = (int)_data.History.Length(segment);
        NaiveMatrix keys = ActivatedRows(_keys, start, length, head);
        NaiveMatrix values = _tape.Block(_values, start, length, head * shape.ValueWidth, shape.ValueWidth);
        _tape.Place(state, ((segment * shape.Heads) + head) * shape.KeyWidth, 0, _tape.Multiply(_tape.Transpose(keys), values));
    }

    private void Apply(int segment, int head)
    {
        LinearAttentionShape shape = _data.Case.Shape;
        int start = (int)_data.Rows.Start(segment);
        int length = (int)_data.Rows.Length(segment);
        NaiveMatrix raw = _tape.Block(_readState, ((segment * shape.Heads) + head) * shape.KeyWidth, shape.KeyWidth, 0, shape.ValueWidth);
        NaiveMatrix state = Activate(_tape.Scale(raw, _data.Case.Options.StateScale), _data.Case.Options.StateActivation);
        NaiveMatrix queries = ActivatedRows(_queries, start, length, head);
        NaiveMatrix output = _tape.Multiply(queries, state);
        if (_data.Case.SelfTerm)
        {
            NaiveMatrix weights = _tape.SumColumns(_tape.Hadamard(queries, ActivatedRows(_selfKeys, start, length, head)));
            NaiveMatrix values = _tape.Block(_selfValues, start, length, head * shape.ValueWidth, shape.ValueWidth);
            output = _tape.Add(output, _tape.ScaleRows(values, weights));
        }
        _tape.Place(Output, start, head * shape.ValueWidth, output);
    }

    private NaiveMatrix ActivatedRows(NaiveMatrix rows, int start, int length, int head)
    {
        int width = _data.Case.Shape.KeyWidth;
        return Activate(_tape.Block(rows, start, length, head * width, width), _data.Case.Options.RowActivation);
    }

    private NaiveMatrix Activate(NaiveMatrix input, LinearActivation activation) => activation switch
    {
        LinearActivation.Silu => _tape.Silu(input),
        LinearActivation.ShiftedElu => _tape.Map(input, x => x >= 1 ? x : MathF.Exp(x - 1), x => x >= 1 ? 1 : MathF.Exp(x - 1)),
        _ => input,
    };
}

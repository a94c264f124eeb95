namespace LongSeqKernels.Tests;

/// <summary>Cross attention as whole matrices, segment by segment and head by head.</summary>
internal sealed class CrossAttentionNaive<T>
    where T : unmanaged
{
    private readonly NaiveTape<T> _tape = new();
    private readonly CrossAttentionShape _shape;
    private readonly CrossAttentionOptions _options;
    private readonly NaiveMatrix _queries;
    private readonly NaiveMatrix _keys;
    private readonly NaiveMatrix _values;
    private readonly NaiveMatrix? _bias;
    private readonly NaiveMatrix _output;
    private readonly NaiveMatrix _logSumExp;

    public CrossAttentionNaive(CrossAttentionData<float> data)
    {
        _shape = data.Case.Shape.Checked();
        _options = data.Case.Options;
        int rowWidth = _shape.Heads * _shape.HeadWidth;
        int history = (int)_shape.History.Total;
        _queries = _tape.Input(data.Queries, (int)_shape.QueryTargets * _shape.QueriesPerTarget, rowWidth);
        _keys = _tape.Input(data.Keys, history, _shape.HistoryWidth);
        _values = _shape.Form == HistoryForm.Shared ? _keys : _tape.Input(data.Values, history, _shape.HistoryWidth);
        _bias = data.KeyBias.Length == 0 ? null : _tape.Input(data.KeyBias, 1, history);
        _output = new NaiveMatrix((int)_shape.Targets.Total * _shape.QueriesPerTarget, rowWidth);
        _logSumExp = new NaiveMatrix(_output.Rows, _shape.Heads);
        for (int segment = 0; segment < _shape.Targets.Count; segment++)
        {
            for (int head = 0; head < _shape.Heads; head++)
            {
                Attend(segment, head);
            }
        }
    }

    public float[] Output => _output.Values;

    /// <summary>Zeros for scores other than softmax.</summary>
    public float[] LogSumExp => _logSumExp.Values;

    public CrossAttentionGradientResult<float> Backward(float[] outputGradient, float[] logSumExpGradient)
    {
        outputGradient.CopyTo(_output.Gradient, 0);
        logSumExpGradient.CopyTo(_logSumExp.Gradient, 0);
        _tape.Backward();
        return new(_queries.Gradient, _keys.Gradient, ReferenceEquals(_keys, _values) ? [] : _values.Gradient, _bias?.Gradient ?? []);
    }

    private void Attend(int segment, int head)
    {
        int width = _shape.HeadWidth;
        int perTarget = _shape.QueriesPerTarget;
        int start = (int)_shape.History.Start(segment);
        int length = (int)_shape.History.Length(segment);
        int firstRow = (int)_shape.Targets.Start(segment) * perTarget;
        int rows = (int)_shape.Targets.Length(segment) * perTarget;
        int keyValueColumn = head * _shape.KeyValueHeads / _shape.Heads * width;
        int[] visible = [.. Enumerable.Range(firstRow, rows).Select(row => (int)_shape.VisibleHistory(segment, row / perTarget))];

        NaiveMatrix queries = _tape.Block(_queries, _shape.BroadcastQueries ? 0 : firstRow, rows, head * width, width);
        NaiveMatrix keys = _tape.Block(_keys, start, length, keyValueColumn, width);
        NaiveMatrix values = _tape.Block(_values, start, length, keyValueColumn, width);
        NaiveMatrix logits = _tape.Multiply(_tape.Scale(queries, _options.EffectiveScale(_shape)), _tape.Transpose(keys));
        if (_options.SoftCap is var cap and not 0)
        {
            logits = _tape.Map(logits, x => cap * MathF.Tanh(x / cap), x => 1 - (MathF.Tanh(x / cap) * MathF.Tanh(x / cap)));
        }
        if (_bias is not null)
        {
            logits = _tape.Add(logits, _tape.Block(_bias, 0, 1, start, length));
        }
        _tape.Place(_output, firstRow, head * width, _tape.Multiply(Weights(logits, visible), values));
        if (_options.Score == AttentionScore.Softmax)
        {
            _tape.Place(_logSumExp, firstRow, head, _tape.LogSumExp(logits, visible));
        }
    }

    private NaiveMatrix Weights(NaiveMatrix logits, int[] visible)
    {
        if (_options.Score == AttentionScore.Softmax)
        {
            return _tape.Softmax(logits, visible);
        }
        var factors = new float[logits.Values.Length];
        for (int row = 0; row < logits.Rows; row++)
        {
            factors.AsSpan(row * logits.Columns, visible[row]).Fill(visible[row] == 0 ? 0 : 1 / _options.EffectiveDivisor(visible[row]));
        }
        NaiveMatrix scores = _options.Score == AttentionScore.Silu ? _tape.Silu(logits) : logits;
        return _tape.Hadamard(scores, _tape.Input(factors, logits.Rows, logits.Columns));
    }
}

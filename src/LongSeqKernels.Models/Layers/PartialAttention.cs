namespace LongSeqKernels.Models;

/// <summary>A layer's attention over a history that comes in parts: the partial states are merged in their order, into where the layer's result goes.</summary>
internal sealed class PartialAttention
{
    /// <summary>Entry 0 is the state of the parts so far, entry 1 that of the next one <c>[2, rows, width]</c>.</summary>
    private readonly GrowingBuffer _outputs = new();

    /// <summary><c>[2, rows]</c>.</summary>
    private readonly GrowingBuffer _logSumExps = new();

    private int _rows;
    private int _width;

    /// <summary>Outputs of the state so far <c>[rows, width]</c>, rows being (target, head).</summary>
    public Span<float> Outputs => _outputs.Span[..(_rows * _width)];

    /// <summary>LSE of the state so far <c>[rows]</c>.</summary>
    public Span<float> LogSumExps => _logSumExps.Span[.._rows];

    /// <summary>Starts with the state of no history, which is also the layer's result until a part comes.</summary>
    public void Begin(AttentionLayer attention, AttentionPlan plan, AttentionState state)
    {
        Span<float> result = attention.Result(plan, state);
        result.Clear();
        _rows = plan.Targets * plan.Core.Shape.Heads;
        _width = plan.Core.Shape.HeadWidth;
        _outputs.Use(2L * _rows, _width);
        _logSumExps.Use(2L * _rows, 1);
        Outputs.Clear();
        LogSumExps.Fill(float.NegativeInfinity);
    }

    /// <summary>Attends to a part.</summary>
    public void Add(LongSeqContext context, AttentionLayer attention, AttentionPlan plan, ReadOnlySpan<float> encoded, AttentionState state)
    {
        Span<float> result = attention.Result(plan, state);
        Span<float> logSumExp = state.LogSumExp.Use(_rows, 1);
        attention.AttendToPart(context, plan, encoded, state, _outputs.Span[(_rows * _width)..], _logSumExps.Span[_rows..]);
        MergeStates.Forward(context, _rows, _width, _outputs.Span, _logSumExps.Span, result, logSumExp);
        result.CopyTo(Outputs);
        logSumExp.CopyTo(LogSumExps);
    }
}

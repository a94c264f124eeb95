namespace LongSeqKernels.Models;

/// <summary>The events of a batch grouped by action, and what action fusion keeps from its forward run for its backward run.</summary>
internal sealed class ActionFusionState
{
    private int[] _starts = [];

    /// <summary>The event at each place of the grouped order; may be longer than the batch.</summary>
    public int[] Order { get; private set; } = [];

    /// <summary>e of the grouped events <c>[L, D]</c>.</summary>
    public GrowingBuffer Grouped { get; } = new();

    public GrowingBuffer Result { get; } = new();

    public GrowingBuffer Gradient { get; } = new();

    public GrowingBuffer InputGradient { get; } = new();

    public GrowingBuffer UpShift { get; } = new();

    public GrowingBuffer GateShift { get; } = new();

    public GrowingBuffer UpShiftGradient { get; } = new();

    public GrowingBuffer GateShiftGradient { get; } = new();

    /// <summary>Number of events with this action.</summary>
    public int Count(int action) => _starts[action + 1] - _starts[action];

    /// <summary>The elements of this action's rows in a grouped tensor.</summary>
    public Range Group(int action, int width) => (_starts[action] * width)..(_starts[action + 1] * width);

    /// <summary>Groups events by action; within a group they keep their order.</summary>
    public void Group(ReadOnlySpan<int> actions, int kinds)
    {
        if (Order.Length < actions.Length)
        {
            Order = new int[actions.Length];
        }
        _starts = new int[kinds + 1];
        foreach (int action in actions)
        {
            _starts[action + 1]++;
        }
        for (int action = 1; action <= kinds; action++)
        {
            _starts[action] += _starts[action - 1];
        }
        int[] next = _starts.AsSpan(0, kinds).ToArray();
        for (int i = 0; i < actions.Length; i++)
        {
            Order[next[actions[i]]++] = i;
        }
    }
}

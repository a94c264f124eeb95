using System.Text;

namespace LongSeqKernels;

/// <summary>
/// How the managed backend runs one shape of cross attention: the cells, their splits, and the tasks that group them. It depends on the shape, the
/// vector width and the number of threads only; which thread runs which task changes no bit of the result.
/// </summary>
internal sealed class ManagedCrossAttentionPlan : ExecutionPlan
{
    private readonly AttentionCell[] _cells;
    private readonly int[] _taskStarts;
    private readonly string _machine;

    /// <summary>Gathers what <see cref="AttentionPartition"/> decided.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="items">Every split of every cell.</param>
    /// <param name="taskStarts">The first item of each task, and the number of items.</param>
    /// <param name="slotFloats">Workspace for the states of splits.</param>
    /// <param name="threads">Threads that can work at the same time.</param>
    /// <param name="machine">What it was made for, in words.</param>
    public ManagedCrossAttentionPlan(AttentionCell[] cells, (int Cell, int Split)[] items, int[] taskStarts, long slotFloats, int threads, string machine)
    {
        _cells = cells;
        Items = items;
        _taskStarts = taskStarts;
        _machine = machine;
        SlotFloats = slotFloats;
        Threads = Math.Clamp(Tasks, 1, threads);
        foreach (AttentionCell cell in cells)
        {
            ScratchFloats = Math.Max(ScratchFloats, cell.ScratchFloats(convertsKeys: true));
        }
    }

    /// <summary>The cells.</summary>
    public ReadOnlySpan<AttentionCell> Cells => _cells;

    /// <summary>Splits of cells, in the order in which tasks take them.</summary>
    public (int Cell, int Split)[] Items { get; }

    /// <summary>Number of tasks.</summary>
    public int Tasks => _taskStarts.Length - 1;

    /// <summary>Threads that find a task.</summary>
    public int Threads { get; }

    /// <summary>Floats of the states of all splits.</summary>
    public long SlotFloats { get; }

    /// <summary>Floats of scratch memory of each thread.</summary>
    public long ScratchFloats { get; }

    /// <inheritdoc/>
    public override long WorkspaceBytes => ((ScratchFloats * Threads) + SlotFloats + CounterFloats) * sizeof(float);

    /// <summary>Room for one counter per cell: how many of its splits are still at work.</summary>
    public long CounterFloats => AlignedBuffer.AlignedFloats(_cells.Length);

    /// <summary>The items of a task.</summary>
    public (int Start, int End) ItemsOf(int task) => (_taskStarts[task], _taskStarts[task + 1]);

    /// <inheritdoc/>
    public override string Explain()
    {
        if (_cells.Length == 0)
        {
            return "managed: nothing to do, there are no targets.";
        }
        var text = new StringBuilder();
        foreach (AttentionKernel kernel in Enum.GetValues<AttentionKernel>())
        {
            AttentionCell[] cells = Array.FindAll(_cells, cell => cell.Kernel == kernel);
            if (cells.Length > 0)
            {
                text.AppendLine(Describe(kernel, cells));
            }
        }
        text.Append($"{Tasks} tasks of about equal cost on {Threads} threads ({_machine}); workspace {WorkspaceBytes / 1048576.0:F1} MB.");
        return text.ToString();
    }

    private static string Describe(AttentionKernel kernel, AttentionCell[] cells)
    {
        AttentionCell largest = cells.MaxBy(cell => (double)cell.Keys * cell.Rows * cell.Heads);
        int splits = cells.Max(cell => cell.Splits);
        string what = kernel == AttentionKernel.Thin
            ? $"managed, thin kernel (vectors along the head width, bound by memory: {largest.Rows} row(s) per head)"
            : $"managed, rows as lanes ({largest.Lanes} lanes, bound by arithmetic: {largest.Rows} rows per head)";
        string parts = splits == 1
            ? "history not split: rows and heads give enough tasks"
            : $"history split into up to {splits} parts, whose states are merged in order";
        return $"{what}: {cells.Length} cells of up to {largest.Heads} head(s), keys in blocks of {largest.KeyBlock}, {parts}.";
    }
}

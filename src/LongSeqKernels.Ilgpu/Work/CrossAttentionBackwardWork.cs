using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>What the kernels of a cross attention's backward read.</summary>
internal readonly struct CrossAttentionBackwardOperands
{
    public required CrossAttentionOperands Forward { get; init; }

    public required TensorView Keys { get; init; }

    public required TensorView Values { get; init; }

    public required TensorView LogSumExp { get; init; }

    public required TensorView RowTerms { get; init; }

    public required TensorView OutputGradient { get; init; }
}

/// <summary>One item is one row.</summary>
internal readonly struct RowTermWork : IWork
{
    public required CrossAttentionParameters Parameters { get; init; }

    public required TensorView Output { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView LogSumExpGradient { get; init; }

    public required TensorView RowTerms { get; init; }

    public void Run(long item, long worker) =>
        CrossAttentionBackwardBodies.RowTerm(Parameters, Output, OutputGradient, LogSumExpGradient, RowTerms, item);
}

/// <summary>One item is one query row.</summary>
internal readonly struct QueryGradientWork : IWork
{
    public required CrossAttentionBackwardOperands Operands { get; init; }

    public required TensorView QueryGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker)
    {
        CrossAttentionOperands forward = Operands.Forward;
        CrossAttentionBackwardBodies.QueryGradient(
            forward.Parameters, forward.TargetOffsets, forward.HistoryOffsets, forward.Limits, forward.Queries, Operands.Keys, Operands.Values, forward.KeyBias,
            Operands.LogSumExp, Operands.RowTerms, Operands.OutputGradient, QueryGradient, Scratch.Values, Scratch.Start(worker), item);
    }
}

/// <summary>One item is one history row.</summary>
internal readonly struct HistoryGradientWork : IWork
{
    public required CrossAttentionBackwardOperands Operands { get; init; }

    public required TensorView KeyGradient { get; init; }

    public required TensorView ValueGradient { get; init; }

    public required TensorView BiasGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker)
    {
        CrossAttentionOperands forward = Operands.Forward;
        CrossAttentionBackwardBodies.HistoryGradient(
            forward.Parameters, forward.TargetOffsets, forward.HistoryOffsets, forward.Limits, forward.Queries, Operands.Keys, Operands.Values, forward.KeyBias,
            Operands.LogSumExp, Operands.RowTerms, Operands.OutputGradient, KeyGradient, ValueGradient, BiasGradient, Scratch.Values, Scratch.Start(worker),
            item);
    }
}

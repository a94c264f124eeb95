using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>One item is one row.</summary>
internal readonly struct MergeStatesWork : IWork
{
    public required int Parts { get; init; }

    public required long Rows { get; init; }

    public required int Width { get; init; }

    public required TensorView Outputs { get; init; }

    public required TensorView LogSumExps { get; init; }

    public required TensorView Output { get; init; }

    public required TensorView LogSumExp { get; init; }

    public void Run(long item, long worker) => MergeStatesBodies.Forward(Parts, Rows, Width, Outputs, LogSumExps, Output, LogSumExp, item);
}

/// <summary>One item is one row of every part.</summary>
internal readonly struct MergeStatesBackwardWork : IWork
{
    public required int Parts { get; init; }

    public required long Rows { get; init; }

    public required int Width { get; init; }

    public required TensorView Outputs { get; init; }

    public required TensorView LogSumExps { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView LogSumExpGradient { get; init; }

    public required TensorView OutputGradients { get; init; }

    public required TensorView LogSumExpGradients { get; init; }

    public void Run(long item, long worker) =>
        MergeStatesBodies.Backward(
            Parts, Rows, Width, Outputs, LogSumExps, OutputGradient, LogSumExpGradient, OutputGradients, LogSumExpGradients, item);
}

/// <summary>One item is one column of one segment.</summary>
internal readonly struct SegmentReduceWork : IWork
{
    public required SegmentReduction Reduction { get; init; }

    public required IndexView Offsets { get; init; }

    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Output { get; init; }

    public void Run(long item, long worker) => SegmentReduceBodies.Forward(Reduction, Offsets, Width, Input, Output, item);
}

/// <summary>One item is one column of one segment.</summary>
internal readonly struct SegmentReduceBackwardWork : IWork
{
    public required SegmentReduction Reduction { get; init; }

    public required IndexView Offsets { get; init; }

    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView InputGradient { get; init; }

    public void Run(long item, long worker) => SegmentReduceBodies.Backward(Reduction, Offsets, Width, Input, OutputGradient, InputGradient, item);
}

/// <summary>One item is one history row.</summary>
internal readonly struct TimeEmbeddingWork : IWork
{
    public required int Width { get; init; }

    public required TensorView BucketOfRow { get; init; }

    public required TensorView Table { get; init; }

    public required TensorView Rows { get; init; }

    public void Run(long item, long worker) => TimeEmbeddingBodies.Forward(Width, BucketOfRow, Table, Rows, item);
}

/// <summary>One item is one row of the table.</summary>
internal readonly struct TimeEmbeddingBackwardWork : IWork
{
    public required int Width { get; init; }

    public required TensorView BucketOfRow { get; init; }

    public required TensorView RowGradient { get; init; }

    public required TensorView TableGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        TimeEmbeddingBodies.Backward(Width, BucketOfRow, RowGradient, TableGradient, Scratch.Values, Scratch.Start(worker), item);
}

/// <summary>One item is one row of fp32 or fp16, copied to the other.</summary>
internal readonly struct SummaryCopyWork : IWork
{
    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Output { get; init; }

    public void Run(long item, long worker) => SummaryCodecBodies.Copy(Width, Input, Output, item);
}

/// <summary>One item is one row of integers.</summary>
internal readonly struct SummaryEncodeWork : IWork
{
    public required SummaryEncoding Encoding { get; init; }

    public required int Width { get; init; }

    public required int RowBytes { get; init; }

    public required TensorView Input { get; init; }

    public required ByteView Codes { get; init; }

    public required TensorView Scales { get; init; }

    public void Run(long item, long worker) => SummaryCodecBodies.Encode(Encoding, Width, RowBytes, Input, Codes, Scales, item);
}

/// <summary>One item is one row of integers.</summary>
internal readonly struct SummaryDecodeWork : IWork
{
    public required SummaryEncoding Encoding { get; init; }

    public required int Width { get; init; }

    public required int RowBytes { get; init; }

    public required ByteView Codes { get; init; }

    public required TensorView Scales { get; init; }

    public required TensorView Output { get; init; }

    public void Run(long item, long worker) => SummaryCodecBodies.Decode(Encoding, Width, RowBytes, Codes, Scales, Output, item);
}

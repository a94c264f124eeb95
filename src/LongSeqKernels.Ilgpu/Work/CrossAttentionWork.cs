using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>What all kernels of a cross attention read but its keys and values.</summary>
internal readonly struct CrossAttentionOperands
{
    public required CrossAttentionParameters Parameters { get; init; }

    public required IndexView TargetOffsets { get; init; }

    public required IndexView HistoryOffsets { get; init; }

    public required IndexView Limits { get; init; }

    public required TensorView Queries { get; init; }

    public required TensorView KeyBias { get; init; }
}

/// <summary>The rows whose partial states are held at once, and the states.</summary>
internal readonly struct AttentionWave
{
    public required long FirstRow { get; init; }

    public required long Rows { get; init; }

    public required int Splits { get; init; }

    /// <summary><c>[Rows, Splits, dh + 2]</c>.</summary>
    public required TensorView States { get; init; }

    public required WorkerScratch Logits { get; init; }
}

/// <summary>One item is one split of one row; neighbours are rows of the same split, which read the same keys.</summary>
internal readonly struct AttentionPartialWork : IWork
{
    public required CrossAttentionOperands Operands { get; init; }

    public required AttentionWave Wave { get; init; }

    public required TensorView Keys { get; init; }

    public required TensorView Values { get; init; }

    public void Run(long item, long worker) => Run(Operands, Wave, Keys, Values, item, worker);

    /// <summary>One item, whatever the history is stored as.</summary>
    public static void Run<THistory>(CrossAttentionOperands operands, AttentionWave wave, THistory keys, THistory values, long item, long worker)
        where THistory : struct, IReadView, allows ref struct
    {
        long split = item / wave.Rows;
        long row = item - (split * wave.Rows);
        CrossAttentionBodies.Partial(
            operands.Parameters, operands.TargetOffsets, operands.HistoryOffsets, operands.Limits, operands.Queries, keys, values, operands.KeyBias,
            wave.States, wave.Logits.Values, wave.Logits.Start(worker), wave.FirstRow + row, (int)split, wave.Splits, (row * wave.Splits) + split);
    }
}

/// <summary>As <see cref="AttentionPartialWork"/>, of an encoded history.</summary>
internal readonly struct EncodedAttentionPartialWork : IWork
{
    public required CrossAttentionOperands Operands { get; init; }

    public required AttentionWave Wave { get; init; }

    public required EncodedHistory Keys { get; init; }

    public required EncodedHistory Values { get; init; }

    public void Run(long item, long worker) => AttentionPartialWork.Run(Operands, Wave, Keys.View, Values.View, item, worker);
}

/// <summary>Encoded rows in device memory.</summary>
internal readonly struct EncodedHistory
{
    public required SummaryEncoding Encoding { get; init; }

    public required int Width { get; init; }

    public required int RowBytes { get; init; }

    public required ByteView Codes { get; init; }

    public required TensorView Scales { get; init; }

    public EncodedRowsView<ByteView, TensorView> View => new(Encoding, Width, RowBytes, Codes, Scales);
}

/// <summary>One item is one row.</summary>
internal readonly struct AttentionMergeWork : IWork
{
    public required CrossAttentionParameters Parameters { get; init; }

    public required AttentionWave Wave { get; init; }

    public required TensorView Output { get; init; }

    public required TensorView LogSumExp { get; init; }

    public void Run(long item, long worker) =>
        CrossAttentionBodies.Merge(Parameters, Wave.States, Output, LogSumExp, Wave.FirstRow + item, Wave.Splits, item * Wave.Splits);
}

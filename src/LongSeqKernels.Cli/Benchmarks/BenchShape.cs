namespace LongSeqKernels.Cli;

/// <summary>The sizes of a benchmark.</summary>
/// <param name="History">L, events of the history, and rows of the layers around attention.</param>
/// <param name="Targets">T, targets that share it.</param>
/// <param name="Heads">H.</param>
/// <param name="HeadWidth">dh; the model width is H * dh.</param>
internal sealed record BenchShape(int History, int Targets, int Heads, int HeadWidth)
{
    /// <summary>M, summary seeds and prototypes.</summary>
    public int Seeds { get; init; } = 64;

    /// <summary>r, hidden width of the gated FFN over the model width.</summary>
    public int Expansion { get; init; } = 2;

    /// <summary>Parts that merged states come from.</summary>
    public int Parts { get; init; } = 8;

    /// <summary>How encoded rows are stored.</summary>
    public SummaryEncoding Encoding { get; init; } = SummaryEncoding.Int8;

    /// <summary>D = H * dh.</summary>
    public int Width => Heads * HeadWidth;
}

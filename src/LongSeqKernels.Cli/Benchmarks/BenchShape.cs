namespace LongSeqKernels.Cli;

/// <summary>The sizes of a benchmark, chosen by options.</summary>
/// <param name="History">L, events of the history.</param>
/// <param name="Targets">T, targets that share it.</param>
/// <param name="Heads">H.</param>
/// <param name="HeadWidth">dh; the model width is H * dh.</param>
/// <param name="Seeds">M, summary seeds and prototypes.</param>
/// <param name="Expansion">r, hidden width of the gated FFN over the model width.</param>
internal sealed record BenchShape(int History, int Targets, int Heads, int HeadWidth, int Seeds, int Expansion)
{
    /// <summary>D.</summary>
    public int Width => Heads * HeadWidth;
}

/// <summary>One operation in one shape and storage type.</summary>
/// <param name="Operation">Name of the operation.</param>
/// <param name="Shape">The shape in words.</param>
/// <param name="Direction">Forward or backward.</param>
/// <param name="Flops">Floating-point operations of one run, a multiply-add counted as two; exponentials are not counted.</param>
/// <param name="Bytes">Bytes that must be read and written at least.</param>
/// <param name="Run">Runs it once.</param>
internal sealed record BenchCase(string Operation, string Shape, Direction Direction, double Flops, double Bytes, Action Run);

/// <summary>A case whose tensors have not been made yet.</summary>
internal sealed record PendingBench(string Operation, Func<BenchCase> Make);

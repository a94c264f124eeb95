using BenchmarkDotNet.Attributes;

namespace LongSeqKernels.Benchmarks;

/// <summary>Gated FFN (r = 2) and layer norm of history rows, fp32.</summary>
public class GatedFfnBenchmarks : OperationBenchmarks
{
    /// <summary>Rows: few are the query path, many the history.</summary>
    [Params(300, 10_000)]
    public int Rows { get; set; }

    /// <summary>Model width.</summary>
    [Params(64, 128, 256)]
    public int Width { get; set; }

    internal override BenchmarkCase Make() => new GatedFfnCase(Context(), Rows, Width, 2 * Width);
}

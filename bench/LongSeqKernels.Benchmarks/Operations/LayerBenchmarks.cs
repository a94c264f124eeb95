using BenchmarkDotNet.Attributes;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Rows of a model's width, fp32.</summary>
public abstract class RowBenchmarks : GradientBenchmarks
{
    /// <summary>Rows: few are the query path, many the history.</summary>
    [Params(300, 10_000)]
    public int Rows { get; set; }

    /// <summary>Model width D, four heads.</summary>
    [Params(64, 128, 256)]
    public int Width { get; set; }

    internal override BenchShape Sizes => new(Rows, 128, 4, Width / 4);
}

/// <summary>Gated FFN (r = 2) and layer norm.</summary>
public class GatedFfnBenchmarks : RowBenchmarks
{
    internal override string Operation => "gated-ffn";
}

/// <summary>A linear layer, as wide as its input.</summary>
public class LinearBenchmarks : RowBenchmarks
{
    internal override string Operation => "linear";
}

/// <summary>Layer norm.</summary>
public class LayerNormBenchmarks : RowBenchmarks
{
    internal override string Operation => "layer-norm";
}

/// <summary>Mean of the rows of one segment.</summary>
public class SegmentReduceBenchmarks : RowBenchmarks
{
    internal override string Operation => "segment-reduce";
}

/// <summary>Time gaps added to rows.</summary>
public class TimeEmbeddingBenchmarks : RowBenchmarks
{
    internal override string Operation => "time-embedding";
}

/// <summary>Rows to codes and back.</summary>
public class SummaryCodecBenchmarks : OperationBenchmarks
{
    /// <summary>How rows are stored.</summary>
    [Params(SummaryEncoding.Float16, SummaryEncoding.Int8, SummaryEncoding.Int4)]
    public SummaryEncoding Encoding { get; set; }

    /// <summary>Rows of 256.</summary>
    [Params(128, 10_000)]
    public int Rows { get; set; }

    [GlobalSetup(Target = nameof(Encode))]
    public void SetupEncode() => Prepare(nameof(Encode));

    [GlobalSetup(Target = nameof(Decode))]
    public void SetupDecode() => Prepare(nameof(Decode));

    [Benchmark]
    public void Encode() => RunOnce();

    [Benchmark]
    public void Decode() => RunOnce();

    internal override Measurement Of(string method) =>
        new(method == nameof(Encode) ? "summary-encode" : "summary-decode", new BenchShape(Rows, 1, 4, 64) { Encoding = Encoding });
}

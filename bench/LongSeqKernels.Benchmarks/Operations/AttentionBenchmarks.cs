using BenchmarkDotNet.Attributes;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Cross attention to projected keys and values, fp32, 4 heads of 64.</summary>
public class CrossAttentionBenchmarks : GradientBenchmarks
{
    /// <summary>Targets of one history.</summary>
    [Params(1, 16, 128)]
    public int Targets { get; set; }

    /// <summary>History events.</summary>
    [Params(1_000, 10_000, 100_000)]
    public int Length { get; set; }

    internal override string Operation => "cross-attention";

    internal override BenchShape Sizes => new(Length, Targets, 4, 64);
}

/// <summary>A history kept in bf16 and fp16.</summary>
public class LowPrecisionCrossAttentionBenchmarks : ForwardBenchmarks
{
    /// <summary>Storage type.</summary>
    [Params(ElementType.BFloat16, ElementType.Float16)]
    public ElementType Type { get; set; }

    /// <summary>Targets of one history.</summary>
    [Params(1, 128)]
    public int Targets { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000, 100_000)]
    public int Length { get; set; }

    internal override Measurement Of(string method) => new("cross-attention", new BenchShape(Length, Targets, 4, 64), type: Type);
}

/// <summary>Cross attention to one shared history (absorbed form), fp32, 8 heads.</summary>
public class SharedHistoryBenchmarks : GradientBenchmarks
{
    /// <summary>Targets of one history.</summary>
    [Params(1, 16, 128)]
    public int Targets { get; set; }

    /// <summary>Model width D.</summary>
    [Params(64, 128)]
    public int Width { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000, 100_000)]
    public int Length { get; set; }

    internal override string Operation => "shared-history";

    internal override BenchShape Sizes => new(Length, Targets, 8, Width / 8);
}

/// <summary>Candidates to cached summaries: short histories, many rows.</summary>
public class CachedSummaryBenchmarks : ForwardBenchmarks
{
    /// <summary>Candidates.</summary>
    [Params(16, 128, 1024)]
    public int Targets { get; set; }

    /// <summary>Summary tokens.</summary>
    [Params(64, 256, 512)]
    public int Length { get; set; }

    internal override Measurement Of(string method) => new("cross-attention", new BenchShape(Length, Targets, 4, 64));
}

/// <summary>128 candidates to cached summaries as a store keeps them, beside the fp32 rows and beside decoding first.</summary>
public class EncodedSummaryBenchmarks : OperationBenchmarks
{
    /// <summary>How the summary is stored.</summary>
    [Params(SummaryEncoding.Float16, SummaryEncoding.Int8, SummaryEncoding.Int4)]
    public SummaryEncoding Encoding { get; set; }

    /// <summary>Summary tokens.</summary>
    [Params(64, 256, 512)]
    public int Length { get; set; }

    [GlobalSetup(Target = nameof(Float32Rows))]
    public void SetupFloat32Rows() => Prepare(nameof(Float32Rows));

    [GlobalSetup(Target = nameof(DecodedInside))]
    public void SetupDecodedInside() => Prepare(nameof(DecodedInside));

    [GlobalSetup(Target = nameof(DecodedFirst))]
    public void SetupDecodedFirst() => Prepare(nameof(DecodedFirst));

    /// <summary>The rows that a cache would hold without an encoding.</summary>
    [Benchmark(Baseline = true)]
    public void Float32Rows() => RunOnce();

    /// <summary>Decoded inside the attention.</summary>
    [Benchmark]
    public void DecodedInside() => RunOnce();

    /// <summary>Decoded to fp32 rows first, which are then attended to.</summary>
    [Benchmark]
    public void DecodedFirst() => RunOnce();

    internal override Measurement Of(string method) => new(
        method switch
        {
            nameof(Float32Rows) => "cross-attention",
            nameof(DecodedInside) => "encoded-history",
            _ => "decoded-history",
        },
        new BenchShape(Length, 128, 4, 64) { Encoding = Encoding });
}

/// <summary>Summary pooling of one user's history by learned seeds, fp32, 4 heads of 64.</summary>
public class SummaryPoolingBenchmarks : GradientBenchmarks
{
    /// <summary>Seeds, the summary's tokens.</summary>
    [Params(64, 256)]
    public int Seeds { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000, 100_000)]
    public int Length { get; set; }

    internal override string Operation => "summary-pooling";

    internal override BenchShape Sizes => new(Length, 1, 4, 64) { Seeds = Seeds };
}

/// <summary>A million events.</summary>
public class MillionEventsBenchmarks : OperationBenchmarks
{
    private static readonly BenchShape Million = new(1_000_000, 16, 4, 64);

    [GlobalSetup(Target = nameof(CrossAttention16Targets))]
    public void SetupCrossAttention() => Prepare(nameof(CrossAttention16Targets));

    [GlobalSetup(Target = nameof(Pooling64Seeds))]
    public void SetupPooling() => Prepare(nameof(Pooling64Seeds));

    [GlobalSetup(Target = nameof(LinearAttentionState))]
    public void SetupState() => Prepare(nameof(LinearAttentionState));

    [Benchmark]
    public void CrossAttention16Targets() => RunOnce();

    [Benchmark]
    public void Pooling64Seeds() => RunOnce();

    [Benchmark]
    public void LinearAttentionState() => RunOnce();

    internal override Measurement Of(string method) => new(
        method switch
        {
            nameof(CrossAttention16Targets) => "cross-attention",
            nameof(Pooling64Seeds) => "summary-pooling",
            _ => "linear-attention-state",
        },
        Million);
}

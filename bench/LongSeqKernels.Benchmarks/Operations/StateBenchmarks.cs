using BenchmarkDotNet.Attributes;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>A history of a length, fp32, 4 heads of 64.</summary>
public abstract class HistoryBenchmarks : GradientBenchmarks
{
    /// <summary>History events.</summary>
    [Params(1_000, 10_000, 100_000)]
    public int Length { get; set; }

    internal override BenchShape Sizes => new(Length, 128, 4, 64);
}

/// <summary>Linear attention: a history is added to its state.</summary>
public class LinearAttentionStateBenchmarks : HistoryBenchmarks
{
    internal override string Operation => "linear-attention-state";
}

/// <summary>Linear attention: the rows of a history read its state.</summary>
public class LinearAttentionReadBenchmarks : HistoryBenchmarks
{
    internal override string Operation => "linear-attention-read";
}

/// <summary>Sketch attention with 64 prototypes.</summary>
public class SketchAttentionBenchmarks : HistoryBenchmarks
{
    internal override string Operation => "sketch-attention";
}

/// <summary>Merging the states of parts of a history, 4 heads of 64.</summary>
public class MergeStatesBenchmarks : GradientBenchmarks
{
    /// <summary>Parts.</summary>
    [Params(2, 8)]
    public int Parts { get; set; }

    /// <summary>Targets.</summary>
    [Params(1, 128, 1024)]
    public int Targets { get; set; }

    internal override string Operation => "merge-states";

    internal override BenchShape Sizes => new(1, Targets, 4, 64) { Parts = Parts };
}

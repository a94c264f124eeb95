using BenchmarkDotNet.Attributes;

namespace LongSeqKernels.Benchmarks;

/// <summary>Cross attention to projected keys and values, fp32, 4 heads of 64.</summary>
public class CrossAttentionBenchmarks : OperationBenchmarks
{
    /// <summary>Targets of one history.</summary>
    [Params(1, 16, 128)]
    public int Targets { get; set; }

    /// <summary>History events.</summary>
    [Params(1_000, 10_000, 100_000)]
    public int Length { get; set; }

    internal override BenchmarkCase Make() => new CrossAttentionCase<float>(Context(), new AttentionSizes(Targets, 4, 64, Length));
}

/// <summary>One target against a history kept in bf16 and fp16.</summary>
public class LowPrecisionCrossAttentionBenchmarks : OperationBenchmarks
{
    /// <summary>Storage type.</summary>
    [Params(ElementType.BFloat16, ElementType.Float16)]
    public ElementType Type { get; set; }

    /// <summary>Targets of one history.</summary>
    [Params(1, 128)]
    public int Targets { get; set; }

    /// <summary>History events.</summary>
    [Params(100_000)]
    public int Length { get; set; }

    internal override BenchmarkCase Make()
    {
        var sizes = new AttentionSizes(Targets, 4, 64, Length);
        return Type == ElementType.BFloat16 ? new CrossAttentionCase<BFloat16>(Context(), sizes) : new CrossAttentionCase<Half>(Context(), sizes);
    }
}

/// <summary>Cross attention to one shared history (absorbed form), fp32, 8 heads.</summary>
public class SharedHistoryBenchmarks : OperationBenchmarks
{
    /// <summary>Targets of one history.</summary>
    [Params(1, 16, 128)]
    public int Targets { get; set; }

    /// <summary>Model width.</summary>
    [Params(64, 128)]
    public int Width { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000, 100_000)]
    public int Length { get; set; }

    internal override BenchmarkCase Make() => new CrossAttentionCase<float>(Context(), new AttentionSizes(Targets, 8, Width, Length, HistoryForm.Shared));
}

/// <summary>Candidates to cached summaries: short histories, many rows.</summary>
public class CachedSummaryBenchmarks : OperationBenchmarks
{
    /// <summary>Candidates.</summary>
    [Params(16, 128, 1024)]
    public int Targets { get; set; }

    /// <summary>Summary tokens.</summary>
    [Params(64, 256, 512)]
    public int Length { get; set; }

    internal override BenchmarkCase Make() => new CrossAttentionCase<float>(Context(), new AttentionSizes(Targets, 4, 64, Length));
}

/// <summary>128 candidates to cached summaries as a store keeps them, beside the fp32 rows and beside decoding first.</summary>
public class EncodedSummaryBenchmarks : OperationBenchmarks
{
    /// <summary>How the summary is stored and read.</summary>
    [Params(HistoryStorage.Float32, HistoryStorage.Float16, HistoryStorage.Int8, HistoryStorage.Int4, HistoryStorage.Int8DecodedFirst)]
    public HistoryStorage Storage { get; set; }

    /// <summary>Summary tokens.</summary>
    [Params(64, 256, 512)]
    public int Length { get; set; }

    internal override BenchmarkCase Make() => new EncodedCrossAttentionCase(Context(), new AttentionSizes(128, 4, 64, Length), Storage);
}

/// <summary>Cross attention backward, all gradients, fp32, 4 heads of 64.</summary>
public class CrossAttentionBackwardBenchmarks : OperationBenchmarks
{
    /// <summary>Targets of one history.</summary>
    [Params(16, 128)]
    public int Targets { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000)]
    public int Length { get; set; }

    internal override BenchmarkCase Make() => new CrossAttentionBackwardCase(Context(), new AttentionSizes(Targets, 4, 64, Length));
}

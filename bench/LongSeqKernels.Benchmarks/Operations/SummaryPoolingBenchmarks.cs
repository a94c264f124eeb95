using BenchmarkDotNet.Attributes;

namespace LongSeqKernels.Benchmarks;

/// <summary>Summary pooling of one user's history by learned seeds, fp32, 4 heads of 64.</summary>
public class SummaryPoolingBenchmarks : OperationBenchmarks
{
    /// <summary>Seeds, the summary's tokens.</summary>
    [Params(64, 256)]
    public int Seeds { get; set; }

    /// <summary>History events.</summary>
    [Params(10_000, 100_000, 1_000_000)]
    public int Length { get; set; }

    internal override BenchmarkCase Make()
    {
        LongSeqContext context = Context();
        CrossAttentionPlan plan = SummaryPooling.Plan(context, JaggedLayout.Uniform(1, Length), Seeds, heads: 4, headWidth: 64);
        return new CrossAttentionCase<float>(context, new AttentionSizes(Seeds, 4, 64, Length), plan);
    }
}

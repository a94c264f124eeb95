using NUnit.Framework;
using static LongSeqKernels.Tests.FiniteDifferences;

namespace LongSeqKernels.Tests;

/// <summary>Every backend's backward against finite differences of the reference's forward, to which the parity suite holds every other forward.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class CrossAttentionGradients(string backend)
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<CrossAttentionCase> Cases =>
        [
            new("softmax", Shape),
            new("bias", Shape) { Bias = CaseBias.Normal },
            new("soft cap", Shape) { Options = new() { SoftCap = 1.5f }, Bias = CaseBias.Normal },
            new("SiLU", Shape) { Options = new() { Score = AttentionScore.Silu }, Bias = CaseBias.Normal },
            new("SiLU with cap and divisor", Shape) { Options = new() { Score = AttentionScore.Silu, SoftCap = 1.5f, ScoreDivisor = 3 } },
            new("identity", Shape) { Options = new() { Score = AttentionScore.Identity }, Bias = CaseBias.Normal },
            new("grouped heads", Shape with { Heads = 4, KeyValueHeads = 2 }) { Bias = CaseBias.Normal },
            new("2 queries", Shape with { QueriesPerTarget = 2 }),
            new("limits", Shape with { HistoryLimits = new long[] { 1, 3, 0, 9, 2 } }) { Bias = CaseBias.Normal },
            new("limits, SiLU", Shape with { HistoryLimits = new long[] { 1, 3, 0, 9, 2 } }) { Options = new() { Score = AttentionScore.Silu } },
            new("shared", Shape with { Form = HistoryForm.Shared }) { Options = new() { Scale = 0.6f } },
            new("shared, cap and bias", Shape with { Form = HistoryForm.Shared, QueriesPerTarget = 2 })
                { Options = new() { Scale = 0.6f, SoftCap = 2 }, Bias = CaseBias.Normal },
            new("thin, cap and bias", Shape with { HeadWidth = 16 }) { Options = new() { SoftCap = 1.5f }, Bias = CaseBias.Normal },
            new("thin, limits, SiLU", Shape with { HeadWidth = 16, HistoryLimits = new long[] { 1, 3, 0, 9, 2 } }) { Options = new() { Score = AttentionScore.Silu } },
            new("thin, shared", Shape with { Heads = 1, HeadWidth = 16, Form = HistoryForm.Shared }) { Options = new() { Scale = 0.3f } },
            new("seeds", Shape with { Targets = JaggedLayout.Uniform(3, 2), BroadcastQueries = true }) { Bias = CaseBias.Normal },
        ];

    private static CrossAttentionShape Shape => new()
    {
        Targets = JaggedLayout.FromLengths(2, 1, 2),
        History = JaggedLayout.FromLengths(4, 0, 3),
        Heads = 2,
        HeadWidth = 3,
    };

    [TestCaseSource(nameof(Cases))]
    public void BackwardIsTheDerivativeOfForward(CrossAttentionCase c)
    {
        CrossAttentionData<float> data = CrossAttentionData<float>.Of(c);
        double Loss()
        {
            CrossAttentionResult<float> result = CrossAttentionRun.Forward(BackendRegistry.Reference, data);
            double fromLogSumExp = 0;
            for (int i = 0; i < result.LogSumExp.Length; i++)
            {
                // The LSE of an empty history is constant.
                fromLogSumExp += float.IsFinite(result.LogSumExp[i]) ? result.LogSumExp[i] * data.LogSumExpGradient[i] : 0;
            }
            return fromLogSumExp + WeightedSum(result.Output, data.OutputGradient);
        }

        CrossAttentionGradientResult<float> gradient = CrossAttentionRun.Backward(Context, data, CrossAttentionRun.Forward(Context, data));

        AssertGradient("queries", data.Queries, gradient.Queries, Loss);
        AssertGradient("keys", data.Keys, gradient.Keys, Loss);
        AssertGradient("values", data.Values, gradient.Values, Loss);
        AssertGradient("keyBias", data.KeyBias, gradient.KeyBias, Loss);
    }
}

namespace LongSeqKernels.Cli;

/// <summary>Cross attention and summary pooling in all their forms.</summary>
internal sealed class CrossAttentionCase : VerificationCase
{
    private readonly CrossAttentionShape _shape;
    private readonly CrossAttentionOptions _options;
    private readonly bool _bias;

    private CrossAttentionCase(string operation, string name, CrossAttentionShape shape, CrossAttentionOptions options, bool bias = false)
        : base(operation, name)
    {
        _shape = shape;
        _options = options;
        _bias = bias;
    }

    /// <summary>Lengths around the tile sizes of all kernels, an empty history and an empty request among them.</summary>
    public static IEnumerable<VerificationCase> All(bool thorough)
    {
        JaggedLayout history = JaggedLayout.FromLengths(0, 1, 15, 64, 65, 128, 257, 700);
        JaggedLayout targets = JaggedLayout.FromLengths(2, 1, 0, 9, 3, 17, 1, 33);
        JaggedLayout few = JaggedLayout.FromLengths(1, 1, 1, 1, 1, 1, 1, 1);
        CrossAttentionShape Projected(int heads, int keyValueHeads, int width, JaggedLayout rows) =>
            new() { Targets = rows, History = history, Heads = heads, KeyValueHeads = keyValueHeads, HeadWidth = width };
        CrossAttentionShape Shared(int heads, int width, JaggedLayout rows) =>
            new() { Targets = rows, History = history, Heads = heads, HeadWidth = width, Form = HistoryForm.Shared };
        const string Attention = "cross attention";

        yield return new CrossAttentionCase(Attention, "4 heads of 32", Projected(4, 0, 32, targets), default);
        yield return new CrossAttentionCase(Attention, "1 target, 2 heads of 64", Projected(2, 0, 64, few), default);
        yield return new CrossAttentionCase(Attention, "4 heads on 2, width 48, key bias", Projected(4, 2, 48, targets), default, bias: true);
        yield return new CrossAttentionCase(Attention, "head width 7, soft cap 2", Projected(3, 1, 7, targets), new CrossAttentionOptions { SoftCap = 2 });
        yield return new CrossAttentionCase(Attention, "history limits, 2 queries a target", Projected(2, 0, 16, targets) with
        {
            QueriesPerTarget = 2,
            HistoryLimits = Limits(history, targets),
        }, default);
        yield return new CrossAttentionCase(Attention, "SiLU scores", Projected(2, 0, 32, targets), new CrossAttentionOptions { Score = AttentionScore.Silu });
        yield return new CrossAttentionCase(Attention, "identity scores", Projected(2, 0, 32, targets), new CrossAttentionOptions { Score = AttentionScore.Identity, ScoreDivisor = 256 });
        yield return new CrossAttentionCase(Attention, "shared history, 4 heads, D = 96", Shared(4, 96, targets), new CrossAttentionOptions { Scale = 0.15f });
        yield return new CrossAttentionCase(Attention, "shared history, 1 target, bias, limits", Shared(2, 64, few) with { HistoryLimits = Limits(history, few) }, new CrossAttentionOptions { Scale = 0.2f }, bias: true);
        yield return new CrossAttentionCase("summary pooling", "16 seeds, 2 heads of 32", Projected(2, 0, 32, JaggedLayout.Uniform(history.Count, 16)) with { BroadcastQueries = true }, default);
        yield return new CrossAttentionCase("summary pooling", "64 seeds, shared history, D = 64", Shared(1, 64, JaggedLayout.Uniform(history.Count, 64)) with { BroadcastQueries = true }, new CrossAttentionOptions { Scale = 0.125f });
        if (thorough)
        {
            JaggedLayout longHistory = JaggedLayout.FromLengths(100_000, 10_007);
            yield return new CrossAttentionCase(Attention, "100,000 events, 2 heads of 64", new CrossAttentionShape { Targets = JaggedLayout.FromLengths(3, 5), History = longHistory, Heads = 2, HeadWidth = 64 }, default);
            yield return new CrossAttentionCase(Attention, "100,000 shared events, D = 128", new CrossAttentionShape { Targets = JaggedLayout.FromLengths(3, 5), History = longHistory, Heads = 2, HeadWidth = 128, Form = HistoryForm.Shared }, new CrossAttentionOptions { Scale = 0.125f });
        }
    }

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, _shape, _options);
        CrossAttentionShape shape = plan.Shape;
        bool softmax = _options.Score == AttentionScore.Softmax;
        bool shared = shape.Form == HistoryForm.Shared;
        T[] queries = inputs.Normal<T>(shape.QueryTargets * shape.TargetWidth);
        T[] keys = inputs.Normal<T>(shape.History.Total * shape.HistoryWidth);
        T[] values = shared ? [] : inputs.Normal<T>(shape.History.Total * shape.HistoryWidth);
        float[] bias = _bias ? inputs.Single(shape.History.Total) : [];
        T[] outputGradient = inputs.Normal<T>(shape.Targets.Total * shape.TargetWidth);

        T[] output = InputSource.Output<T>(shape.Targets.Total * shape.TargetWidth);
        float[] logSumExp = InputSource.Output<float>(softmax ? shape.Rows : 0);
        CrossAttention.Forward<T>(plan, queries, keys, values, output, logSumExp, bias);
        results.Add("output", Direction.Forward, output);
        results.Add("LSE", Direction.Forward, logSumExp);

        T[] queryGradient = InputSource.Output<T>(queries.Length);
        T[] keyGradient = InputSource.Output<T>(keys.Length);
        T[] valueGradient = InputSource.Output<T>(values.Length);
        float[] biasGradient = InputSource.Output<float>(bias.Length);
        CrossAttention.Backward<T>(plan, queries, keys, values, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient, bias, biasGradient);
        results.Add("query gradient", Direction.Backward, queryGradient);
        results.Add("key gradient", Direction.Backward, keyGradient);
        results.Add("value gradient", Direction.Backward, valueGradient);
        results.Add("bias gradient", Direction.Backward, biasGradient);
    }

    /// <summary>Every target sees another part of its history: none, some, all, and more than there is.</summary>
    private static long[] Limits(JaggedLayout history, JaggedLayout targets)
    {
        var limits = new long[targets.Total];
        for (int segment = 0; segment < targets.Count; segment++)
        {
            for (long target = 0; target < targets.Length(segment); target++)
            {
                limits[targets.Start(segment) + target] = target == 0 ? history.Length(segment) / 2 : history.Length(segment) * target / Math.Max(1, targets.Length(segment) - 2);
            }
        }
        return limits;
    }
}

namespace LongSeqKernels.Tests;

/// <summary>The tensors of a case.</summary>
internal sealed record CrossAttentionData<T>
    where T : unmanaged
{
    public required CrossAttentionCase Case { get; init; }

    public required T[] Queries { get; init; }

    public required T[] Keys { get; init; }

    /// <summary>Empty for shared history.</summary>
    public required T[] Values { get; init; }

    /// <summary>Empty without bias.</summary>
    public required float[] KeyBias { get; init; }

    public required T[] OutputGradient { get; init; }

    /// <summary>Empty for scores other than softmax.</summary>
    public required float[] LogSumExpGradient { get; init; }

    public static CrossAttentionData<T> Of(CrossAttentionCase c)
    {
        CrossAttentionShape shape = c.Shape.Checked();
        float[] bias = Samples.Normal(4, c.Bias == CaseBias.None ? 0 : shape.History.Total);
        for (int i = 0; i < bias.Length && c.Bias == CaseBias.Hiding; i += 2)
        {
            bias[i] = float.NegativeInfinity;
        }
        return new CrossAttentionData<T>
        {
            Case = c,
            Queries = Samples.Normal<T>(1, shape.QueryTargets * shape.TargetWidth, c.QueryDeviation),
            Keys = Samples.Normal<T>(2, shape.History.Total * shape.HistoryWidth),
            Values = Samples.Normal<T>(3, shape.Form == HistoryForm.Shared ? 0 : shape.History.Total * shape.HistoryWidth),
            KeyBias = bias,
            OutputGradient = Samples.Normal<T>(5, shape.Targets.Total * shape.TargetWidth),
            LogSumExpGradient = c.Options.Score == AttentionScore.Softmax ? Samples.Normal(6, shape.Rows) : [],
        };
    }

    /// <summary>The same numbers as fp32: what the reference computes with, so that its results carry no rounding to T.</summary>
    public CrossAttentionData<float> Widened() => new()
    {
        Case = Case,
        Queries = Samples.Widen<T>(Queries),
        Keys = Samples.Widen<T>(Keys),
        Values = Samples.Widen<T>(Values),
        KeyBias = KeyBias,
        OutputGradient = Samples.Widen<T>(OutputGradient),
        LogSumExpGradient = LogSumExpGradient,
    };
}

/// <summary>Output and LSE; LSE is empty for scores other than softmax.</summary>
internal sealed record CrossAttentionResult<T>(T[] Output, float[] LogSumExp);

/// <summary>Gradients; values are empty for shared history, bias without one.</summary>
internal sealed record CrossAttentionGradientResult<T>(T[] Queries, T[] Keys, T[] Values, float[] KeyBias);

/// <summary>Runs a case through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class CrossAttentionRun
{
    public static CrossAttentionResult<T> Forward<T>(LongSeqContext context, CrossAttentionData<T> data)
        where T : unmanaged
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, data.Case.Shape, data.Case.Options);
        GuardedBuffer<T> output = GuardedBuffer<T>.Output(plan.Shape.Targets.Total * plan.Shape.TargetWidth);
        GuardedBuffer<float> logSumExp = GuardedBuffer<float>.Output(data.LogSumExpGradient.Length);
        CrossAttention.Forward(
            plan,
            GuardedBuffer<T>.Of(data.Queries).Span,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            output.Span,
            logSumExp.Span,
            GuardedBuffer<float>.Of(data.KeyBias).Span);
        output.AssertGuardIntact("output");
        logSumExp.AssertGuardIntact("logSumExp");
        return new CrossAttentionResult<T>(output.ToArray(), logSumExp.ToArray());
    }

    public static CrossAttentionResult<float> ForwardState<T>(LongSeqContext context, CrossAttentionData<T> data)
        where T : unmanaged
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, data.Case.Shape, data.Case.Options);
        GuardedBuffer<float> output = GuardedBuffer<float>.Output(plan.Shape.Targets.Total * plan.Shape.TargetWidth);
        GuardedBuffer<float> logSumExp = GuardedBuffer<float>.Output(plan.Shape.Rows);
        CrossAttention.ForwardState(
            plan,
            GuardedBuffer<T>.Of(data.Queries).Span,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            output.Span,
            logSumExp.Span,
            GuardedBuffer<float>.Of(data.KeyBias).Span);
        output.AssertGuardIntact("stateOutput");
        logSumExp.AssertGuardIntact("stateLogSumExp");
        return new CrossAttentionResult<float>(output.ToArray(), logSumExp.ToArray());
    }

    public static CrossAttentionGradientResult<T> Backward<T>(LongSeqContext context, CrossAttentionData<T> data, CrossAttentionResult<T> forward)
        where T : unmanaged
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, data.Case.Shape, data.Case.Options);
        GuardedBuffer<T> queries = GuardedBuffer<T>.Output(data.Queries.Length);
        GuardedBuffer<T> keys = GuardedBuffer<T>.Output(data.Keys.Length);
        GuardedBuffer<T> values = GuardedBuffer<T>.Output(data.Values.Length);
        GuardedBuffer<float> bias = GuardedBuffer<float>.Output(data.KeyBias.Length);
        CrossAttention.Backward(
            plan,
            GuardedBuffer<T>.Of(data.Queries).Span,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            GuardedBuffer<T>.Of(forward.Output).Span,
            GuardedBuffer<float>.Of(forward.LogSumExp).Span,
            GuardedBuffer<T>.Of(data.OutputGradient).Span,
            queries.Span,
            keys.Span,
            values.Span,
            GuardedBuffer<float>.Of(data.KeyBias).Span,
            bias.Span,
            GuardedBuffer<float>.Of(data.LogSumExpGradient).Span);
        queries.AssertGuardIntact("queryGradient");
        keys.AssertGuardIntact("keyGradient");
        values.AssertGuardIntact("valueGradient");
        bias.AssertGuardIntact("keyBiasGradient");
        return new CrossAttentionGradientResult<T>(queries.ToArray(), keys.ToArray(), values.ToArray(), bias.ToArray());
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What runs of cross attention refuse.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.ArgumentBackends))]
public sealed class CrossAttentionArguments(string backend)
{
    private const int TargetElements = 5 * 4 * 8;
    private const int HistoryElements = 12 * 4 * 8;
    private const int Rows = 5 * 4;
    private const int HistoryRows = 12;

    private static readonly (string Name, int Length)[] Inputs =
        [("queries", TargetElements), ("keys", HistoryElements), ("values", HistoryElements), ("keyBias", HistoryRows)];

    private static readonly (string Name, int Length)[] BackwardInputs =
        [.. Inputs, ("output", TargetElements), ("logSumExp", Rows), ("outputGradient", TargetElements), ("logSumExpGradient", Rows)];

    private static readonly (string Name, int Length)[] Outputs = [("output", TargetElements), ("logSumExp", Rows)];

    private static readonly (string Name, int Length)[] Gradients =
        [("queryGradient", TargetElements), ("keyGradient", HistoryElements), ("valueGradient", HistoryElements), ("keyBiasGradient", HistoryRows)];

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static CrossAttentionShape Shape => new()
    {
        Targets = JaggedLayout.FromLengths(2, 3),
        History = JaggedLayout.FromLengths(5, 7),
        Heads = 4,
        HeadWidth = 8,
    };

    private static IEnumerable<string> ForwardTensors => [.. Inputs.Select(t => t.Name), .. Outputs.Select(t => t.Name)];

    private static IEnumerable<string> BackwardTensors => [.. BackwardInputs.Select(t => t.Name), .. Gradients.Select(t => t.Name)];

    [Test]
    public void AForwardTensorOfAnotherLengthIsRefused([ValueSource(nameof(ForwardTensors))] string name, [Values(-1, 1)] int excess)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);
        Dictionary<string, float[]> tensors = Tensors([.. Inputs, .. Outputs], name, excess);

        Refusal.AssertRefused(() => Forward(plan, t => tensors[t]), $"{name} has {tensors[name].Length}", $"{tensors[name].Length - excess}", tensors.Values);
    }

    [Test]
    public void ABackwardTensorOfAnotherLengthIsRefused([ValueSource(nameof(BackwardTensors))] string name, [Values(-1, 1)] int excess)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);
        Dictionary<string, float[]> tensors = Tensors([.. BackwardInputs, .. Gradients], name, excess);

        Refusal.AssertRefused(() => Backward(plan, t => tensors[t]), $"{name} has {tensors[name].Length}", $"{tensors[name].Length - excess}", tensors.Values);
    }

    [Test]
    public void ForwardOutputsThatOverlapAreRefused() =>
        Refusal.AssertOverlapsAreRefused(Inputs, Outputs, tensor => Forward(CrossAttention.Plan(Context, Shape), tensor));

    [Test]
    public void BackwardOutputsThatOverlapAreRefused() =>
        Refusal.AssertOverlapsAreRefused(BackwardInputs, Gradients, tensor => Backward(CrossAttention.Plan(Context, Shape), tensor));

    [Test]
    public void SharedHistoryRefusesValues()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape with { Form = HistoryForm.Shared }, new() { Scale = 1 });
        var output = new float[TargetElements];

        Refusal.AssertRefused(
            () => CrossAttention.Forward<float>(plan, new float[TargetElements], new float[96], new float[96], output), "values has 96", "0", output);
        Refusal.AssertRefused(
            () => CrossAttention.Backward<float>(
                plan, new float[TargetElements], new float[96], [], new float[TargetElements], new float[Rows], new float[TargetElements], [], [], new float[96]),
            "valueGradient has 96",
            "0 (shared history has one gradient");
    }

    [Test]
    public void OnlySoftmaxHasALogSumExp()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape, new() { Score = AttentionScore.Silu });
        Dictionary<string, float[]> tensors = Tensors([.. BackwardInputs, .. Gradients]);

        Refusal.AssertRefused(() => Forward(plan, t => tensors[t]), $"logSumExp has {Rows}", "0 (T * nq * H, softmax only", tensors.Values);
        Refusal.AssertRefused(() => Backward(plan, t => tensors[t]), $"logSumExp has {Rows}", "0 (only softmax", tensors.Values);
        Refusal.AssertRefused(
            () => CrossAttention.ForwardState<float>(plan, tensors["queries"], tensors["keys"], tensors["values"], tensors["output"], []),
            "Score is Silu",
            "Softmax",
            tensors.Values);
    }

    [Test]
    public void APartialStateNeedsItsLogSumExp()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);
        Dictionary<string, float[]> tensors = Tensors([.. Inputs, .. Outputs]);

        Refusal.AssertRefused(
            () => CrossAttention.ForwardState<float>(plan, tensors["queries"], tensors["keys"], tensors["values"], tensors["output"], []),
            "stateLogSumExp has 0",
            $"{Rows}",
            tensors.Values);
    }

    [Test]
    public void AnUnknownElementTypeIsRefusedByName()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);

        Assert.That(
            () => CrossAttention.Forward<double>(
                plan, new double[TargetElements], new double[HistoryElements], new double[HistoryElements], new double[TargetElements]),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("Double"));
    }

    private static Dictionary<string, float[]> Tensors((string Name, int Length)[] all, string spoiled = "", int excess = 0) =>
        all.ToDictionary(t => t.Name, t => Samples.Normal(1, t.Length + (t.Name == spoiled ? excess : 0)));

    private static void Forward(CrossAttentionPlan plan, Func<string, Memory<float>> tensor) => CrossAttention.Forward<float>(
        plan,
        tensor("queries").Span,
        tensor("keys").Span,
        tensor("values").Span,
        tensor("output").Span,
        tensor("logSumExp").Span,
        tensor("keyBias").Span);

    private static void Backward(CrossAttentionPlan plan, Func<string, Memory<float>> tensor) => CrossAttention.Backward<float>(
        plan,
        tensor("queries").Span,
        tensor("keys").Span,
        tensor("values").Span,
        tensor("output").Span,
        tensor("logSumExp").Span,
        tensor("outputGradient").Span,
        tensor("queryGradient").Span,
        tensor("keyGradient").Span,
        tensor("valueGradient").Span,
        tensor("keyBias").Span,
        tensor("keyBiasGradient").Span,
        tensor("logSumExpGradient").Span);
}

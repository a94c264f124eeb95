using System.Runtime.InteropServices;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What runs of cross attention over an encoded history refuse.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.ArgumentBackends))]
public sealed class EncodedCrossAttentionArguments(string backend)
{
    private const int TargetElements = 5 * 4 * 8;
    private const int Rows = 5 * 4;
    private const int HistoryRows = 12;
    private const int HeadRows = HistoryRows * 4;

    /// <summary>int8 codes in whole floats: the memory of all tensors is the same kind.</summary>
    private const int CodeFloats = HeadRows * 8 / sizeof(float);

    private static readonly (string Name, int Length)[] Inputs =
    [
        ("queries", TargetElements),
        ("keys.Codes", CodeFloats),
        ("keys.Scales", HeadRows),
        ("values.Codes", CodeFloats),
        ("values.Scales", HeadRows),
        ("keyBias", HistoryRows),
    ];

    private static readonly (string Name, int Length)[] Outputs = [("output", TargetElements), ("logSumExp", Rows)];

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static CrossAttentionShape PlainShape => new()
    {
        Targets = JaggedLayout.FromLengths(2, 3),
        History = JaggedLayout.FromLengths(5, 7),
        Heads = 4,
        HeadWidth = 8,
    };

    private static CrossAttentionShape Shape => PlainShape with { HistoryEncoding = SummaryEncoding.Int8 };

    private static IEnumerable<string> TensorNames => [.. Inputs.Select(t => t.Name), .. Outputs.Select(t => t.Name)];

    [Test]
    public void ATensorOfAnotherLengthIsRefused([ValueSource(nameof(TensorNames))] string name, [Values(-1, 1)] int excess)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);
        Dictionary<string, float[]> tensors = Tensors(name, excess);
        int unit = name.EndsWith("Codes", StringComparison.Ordinal) ? sizeof(float) : 1;

        Refusal.AssertRefused(
            () => Forward(plan, t => tensors[t]),
            $"{name} has {tensors[name].Length * unit}",
            $"{(tensors[name].Length - excess) * unit}",
            tensors.Values);
    }

    [Test]
    public void OutputsThatOverlapAreRefused() =>
        Refusal.AssertOverlapsAreRefused(Inputs, Outputs, tensor => Forward(CrossAttention.Plan(Context, Shape), tensor));

    [Test]
    public void AnUnknownEncodingIsRefused() =>
        Refusal.AssertRefused(
            () => CrossAttention.Plan(Context, PlainShape with { HistoryEncoding = (SummaryEncoding)9 }), "HistoryEncoding is 9", "one of Float16, Int8, Int4");

    [Test]
    public void SharedHistoryRefusesValues([Values("values.Codes", "values.Scales")] string name)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape with { Form = HistoryForm.Shared }, new() { Scale = 1 });
        var output = new float[TargetElements];

        Refusal.AssertRefused(
            () => CrossAttention.ForwardEncoded<float>(
                plan,
                new float[TargetElements],
                new EncodedRows { Codes = new byte[HistoryRows * 8], Scales = new float[HistoryRows] },
                name == "values.Codes" ? new EncodedRows { Codes = new byte[8] } : new EncodedRows { Scales = new float[1] },
                output),
            $"{name} has ",
            "0 (with shared history",
            output);
    }

    [Test]
    public void APlanOfAnEncodedHistoryRunsOnlyEncoded()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape);
        var rows = new float[HeadRows * 8];
        var output = new float[TargetElements];
        var logSumExp = new float[Rows];
        void AssertRefused(Action run) =>
            Refusal.AssertRefused(run, "plan is one of a history encoded as Int8", "without HistoryEncoding: ForwardEncoded", output, logSumExp);

        AssertRefused(() => CrossAttention.Forward<float>(plan, output, rows, rows, output));
        AssertRefused(() => CrossAttention.ForwardState<float>(plan, output, rows, rows, output, logSumExp));
        AssertRefused(() => CrossAttention.Backward<float>(plan, output, rows, rows, output, logSumExp, output, output, [], []));
    }

    [Test]
    public void APlainPlanDoesNotRunEncoded()
    {
        CrossAttentionPlan plan = CrossAttention.Plan(Context, PlainShape);
        Dictionary<string, float[]> tensors = Tensors();

        Refusal.AssertRefused(
            () => Forward(plan, t => tensors[t]), "plan is one of a history that is not encoded", "whose shape has a HistoryEncoding", tensors.Values);
    }

    [Test]
    public void APartialStateNeedsSoftmaxAndItsLogSumExp()
    {
        Dictionary<string, float[]> tensors = Tensors();
        void State(CrossAttentionOptions options, float[] logSumExp) => CrossAttention.ForwardEncodedState<float>(
            CrossAttention.Plan(Context, Shape, options), tensors["queries"], Encoded(t => tensors[t], "keys"), Encoded(t => tensors[t], "values"), tensors["output"], logSumExp);

        Refusal.AssertRefused(() => State(default, []), "stateLogSumExp has 0", $"{Rows}", tensors.Values);
        Refusal.AssertRefused(() => State(new() { Score = AttentionScore.Silu }, []), "Score is Silu", "Softmax", tensors.Values);
    }

    private static Dictionary<string, float[]> Tensors(string spoiled = "", int excess = 0) =>
        Inputs.Concat(Outputs).ToDictionary(t => t.Name, t => Samples.Normal(1, t.Length + (t.Name == spoiled ? excess : 0)));

    private static EncodedRows Encoded(Func<string, Memory<float>> tensor, string name) => new()
    {
        Codes = MemoryMarshal.AsBytes(tensor(name + ".Codes").Span),
        Scales = tensor(name + ".Scales").Span,
    };

    private static void Forward(CrossAttentionPlan plan, Func<string, Memory<float>> tensor) => CrossAttention.ForwardEncoded<float>(
        plan,
        tensor("queries").Span,
        Encoded(tensor, "keys"),
        Encoded(tensor, "values"),
        tensor("output").Span,
        tensor("logSumExp").Span,
        tensor("keyBias").Span);
}

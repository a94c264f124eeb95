using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// Every operation beside cross attention as a table: its tensors, and a call with them. A tensor of another length, an output over another
/// tensor, a disposed context: each is refused by name, before anything is written.
/// </summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.ArgumentBackends))]
public sealed class TensorArguments(string backend)
{
    private static readonly JaggedLayout Segments = JaggedLayout.FromLengths(4, 0, 5);
    private static readonly LinearAttentionShape LinearAttentionShape = new(2, 3, 4);
    private static readonly SketchAttentionShape SketchShape = new(Segments, 5, 3, 4);
    private static readonly GatedFfnShape FfnShape = new(5, 3, 6);
    private static readonly LinearShape LinearShape = new(5, 3, 4);
    private static readonly TimeBuckets Buckets = new(6);

    private LongSeqContext Context => BackendRegistry.Context(backend);

    /// <summary>An operation: names and lengths of its inputs and outputs, and the call.</summary>
    public sealed record Operation(
        string Name,
        IReadOnlyList<(string Name, int Length)> Inputs,
        IReadOnlyList<(string Name, int Length)> Outputs,
        Action<LongSeqContext, Func<string, Memory<float>>> Run)
    {
        public override string ToString() => Name;
    }

    private static IEnumerable<Operation> Operations =>
        [
            new("MergeStates.Forward", [("outputs", 3 * 4 * 2), ("logSumExps", 3 * 4)], [("output", 8), ("logSumExp", 4)],
                (c, t) => MergeStates.Forward(c, 4, 2, t("outputs").Span, t("logSumExps").Span, t("output").Span, t("logSumExp").Span)),
            new("MergeStates.Backward",
                [("outputs", 24), ("logSumExps", 12), ("outputGradient", 8), ("logSumExpGradient", 4)],
                [("outputGradients", 24), ("logSumExpGradients", 12)],
                (c, t) => MergeStates.Backward(
                    c, 4, 2, t("outputs").Span, t("logSumExps").Span, t("outputGradient").Span, t("logSumExpGradient").Span, t("outputGradients").Span, t("logSumExpGradients").Span)),
            new("LinearAttention.AddToState", [("keys", 9 * 6), ("values", 9 * 8)], [("state", 3 * 24)],
                (c, t) => LinearAttention.AddToState<float>(c, LinearAttentionShape, new(), Segments, t("keys").Span, t("values").Span, t("state").Span)),
            new("LinearAttention.AddToStateBackward",
                [("keys", 54), ("values", 72), ("stateGradient", 72)],
                [("keyGradient", 54), ("valueGradient", 72)],
                (c, t) => LinearAttention.AddToStateBackward<float>(
                    c, LinearAttentionShape, new(), Segments, t("keys").Span, t("values").Span, t("stateGradient").Span, t("keyGradient").Span, t("valueGradient").Span)),
            new("LinearAttention.Apply",
                [("queries", 54), ("state", 72), ("selfKeys", 54), ("selfValues", 72)],
                [("output", 72)],
                (c, t) => LinearAttention.Apply<float>(
                    c, LinearAttentionShape, new(), Segments, t("queries").Span, t("state").Span, t("selfKeys").Span, t("selfValues").Span, t("output").Span)),
            new("LinearAttention.ApplyBackward",
                [("queries", 54), ("state", 72), ("selfKeys", 54), ("selfValues", 72), ("outputGradient", 72)],
                [("queryGradient", 54), ("stateGradient", 72), ("selfKeyGradient", 54), ("selfValueGradient", 72)],
                (c, t) => LinearAttention.ApplyBackward<float>(
                    c, LinearAttentionShape, new(), Segments, t("queries").Span, t("state").Span, t("selfKeys").Span, t("selfValues").Span, t("outputGradient").Span,
                    t("queryGradient").Span, t("stateGradient").Span, t("selfKeyGradient").Span, t("selfValueGradient").Span)),
            new("SketchAttention.Forward",
                [("prototypes", 15), ("keys", 27), ("values", 36)],
                [("sketch", 60), ("tokenLogSumExp", 9), ("mass", 15)],
                (c, t) => SketchAttention.Forward<float>(
                    c, SketchShape, t("prototypes").Span, t("keys").Span, t("values").Span, t("sketch").Span, t("tokenLogSumExp").Span, t("mass").Span)),
            new("SketchAttention.Backward",
                [("prototypes", 15), ("keys", 27), ("values", 36), ("sketch", 60), ("tokenLogSumExp", 9), ("mass", 15), ("sketchGradient", 60)],
                [("prototypeGradient", 15), ("keyGradient", 27), ("valueGradient", 36)],
                (c, t) => SketchAttention.Backward<float>(
                    c, SketchShape, t("prototypes").Span, t("keys").Span, t("values").Span, t("sketch").Span, t("tokenLogSumExp").Span, t("mass").Span,
                    t("sketchGradient").Span, t("prototypeGradient").Span, t("keyGradient").Span, t("valueGradient").Span)),
            new("Linear.Forward", [("input", 15), ("weight", 12), ("bias", 4)], [("output", 20)],
                (c, t) => Linear.Forward<float>(c, LinearShape, t("input").Span, t("weight").Span, t("bias").Span, t("output").Span)),
            new("Linear.Backward",
                [("input", 15), ("weight", 12), ("outputGradient", 20)],
                [("inputGradient", 15), ("weightGradient", 12), ("biasGradient", 4)],
                (c, t) => Linear.Backward<float>(
                    c, LinearShape, t("input").Span, t("weight").Span, t("outputGradient").Span, t("inputGradient").Span, t("weightGradient").Span, t("biasGradient").Span)),
            new("LayerNorm.Forward", [("input", 15), ("gain", 3), ("bias", 3)], [("output", 15)],
                (c, t) => LayerNorm.Forward<float>(c, 5, 3, 1e-5f, t("input").Span, t("gain").Span, t("bias").Span, t("output").Span)),
            new("LayerNorm.Backward",
                [("input", 15), ("gain", 3), ("outputGradient", 15)],
                [("inputGradient", 15), ("gainGradient", 3), ("biasGradient", 3)],
                (c, t) => LayerNorm.Backward<float>(
                    c, 5, 3, 1e-5f, t("input").Span, t("gain").Span, t("outputGradient").Span, t("inputGradient").Span, t("gainGradient").Span, t("biasGradient").Span)),
            new("SegmentReduce.Forward", [("input", 18)], [("output", 6)],
                (c, t) => SegmentReduce.Forward<float>(c, SegmentReduction.Mean, Segments, 2, t("input").Span, t("output").Span)),
            new("SegmentReduce.Backward", [("input", 18), ("outputGradient", 6)], [("inputGradient", 18)],
                (c, t) => SegmentReduce.Backward<float>(
                    c, SegmentReduction.Max, Segments, 2, t("input").Span, t("outputGradient").Span, t("inputGradient").Span)),
            new("TimeEmbedding.Forward", [("table", 12)], [("rows", 18)],
                (c, t) => TimeEmbedding.Forward<float>(c, Buckets, Segments, 2, new long[3], new long[9], t("table").Span, t("rows").Span)),
            new("TimeEmbedding.Backward", [("rowGradient", 18)], [("tableGradient", 12)],
                (c, t) => TimeEmbedding.Backward<float>(c, Buckets, Segments, 2, new long[3], new long[9], t("rowGradient").Span, t("tableGradient").Span)),
            new("GatedFfn.Forward", [("input", 15), .. FfnParameters], [("output", 15)],
                (c, t) => GatedFfn.Forward(c, FfnShape, t("input").Span, Weights(t), t("output").Span)),
            new("GatedFfn.Backward",
                [("input", 15), .. FfnParameters, ("outputGradient", 15)],
                [("inputGradient", 15), .. FfnParameters.Select(p => ($"gradients.{p.Name}", p.Length))],
                (c, t) => GatedFfn.Backward(c, FfnShape, t("input").Span, Weights(t), t("outputGradient").Span, t("inputGradient").Span, Gradients(t))),
        ];

    private static IEnumerable<(string Name, int Length)> FfnParameters =>
        [("Up", 18), ("Gate", 18), ("Down", 18), ("UpBias", 6), ("GateBias", 6), ("DownBias", 3), ("NormGain", 3), ("NormBias", 3)];

    private static IEnumerable<TestCaseData> OperationsAndTensors =>
        from operation in Operations
        from tensor in operation.Inputs.Concat(operation.Outputs)
        select new TestCaseData(operation, tensor.Name).SetArgDisplayNames(operation.Name, tensor.Name);

    [TestCaseSource(nameof(OperationsAndTensors))]
    public void ATensorOfAnotherLengthIsRefused(Operation operation, string name)
    {
        foreach (int excess in new[] { -1, 1 })
        {
            Dictionary<string, float[]> tensors = operation.Inputs.Concat(operation.Outputs)
                .ToDictionary(t => t.Name, t => Samples.Normal(1, t.Length + (t.Name == name ? excess : 0)));

            // The parameters' gradients carry the parameters' names.
            string reported = name[(name.LastIndexOf('.') + 1)..];
            Refusal.AssertRefused(() => operation.Run(Context, t => tensors[t]), $"{reported} has {tensors[name].Length} elements", "must have", tensors.Values);
        }
    }

    [TestCaseSource(nameof(Operations))]
    public void OutputsThatOverlapAreRefused(Operation operation) =>
        Refusal.AssertOverlapsAreRefused([.. operation.Inputs], [.. operation.Outputs], tensor => operation.Run(Context, tensor));

    [TestCaseSource(nameof(Operations))]
    public void ADisposedContextIsRefused(Operation operation)
    {
        LongSeqContext disposed = LongSeqContext.Create(Backend.Reference);
        disposed.Dispose();
        Dictionary<string, float[]> tensors = operation.Inputs.Concat(operation.Outputs).ToDictionary(t => t.Name, t => new float[t.Length]);

        Assert.That(() => operation.Run(disposed, t => tensors[t]), Throws.TypeOf<ObjectDisposedException>());
    }

    private static GatedFfnWeights<float> Weights(Func<string, Memory<float>> tensor) => new()
    {
        Up = tensor("Up").Span,
        Gate = tensor("Gate").Span,
        Down = tensor("Down").Span,
        UpBias = tensor("UpBias").Span,
        GateBias = tensor("GateBias").Span,
        DownBias = tensor("DownBias").Span,
        NormGain = tensor("NormGain").Span,
        NormBias = tensor("NormBias").Span,
    };

    private static GatedFfnGradients<float> Gradients(Func<string, Memory<float>> tensor) => new()
    {
        Up = tensor("gradients.Up").Span,
        Gate = tensor("gradients.Gate").Span,
        Down = tensor("gradients.Down").Span,
        UpBias = tensor("gradients.UpBias").Span,
        GateBias = tensor("gradients.GateBias").Span,
        DownBias = tensor("gradients.DownBias").Span,
        NormGain = tensor("gradients.NormGain").Span,
        NormBias = tensor("gradients.NormBias").Span,
    };
}

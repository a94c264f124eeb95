using NUnit.Framework;
using static LongSeqKernels.Tests.FiniteDifferences;

namespace LongSeqKernels.Tests;

/// <summary>
/// Every backend's backward against finite differences of the reference's forward, to which the parity suite holds every other forward: merge, linear attention, sketch attention.
/// </summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class AttentionStateGradients(string backend)
{
    private static LongSeqContext Reference => BackendRegistry.Reference;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    [Test]
    public void MergeStatesBackwardIsTheDerivativeOfForward()
    {
        const int Parts = 3;
        const int Rows = 4;
        const int Width = 2;
        float[] outputs = Samples.Normal(1, Parts * Rows * Width);
        float[] logSumExps = Samples.Normal(2, Parts * Rows);
        float[] outputWeights = Samples.Normal(3, Rows * Width);
        float[] logSumExpWeights = Samples.Normal(4, Rows);
        double Loss()
        {
            var output = new float[Rows * Width];
            var logSumExp = new float[Rows];
            MergeStates.Forward(Reference, Rows, Width, outputs, logSumExps, output, logSumExp);
            return WeightedSum(output, outputWeights) + WeightedSum(logSumExp, logSumExpWeights);
        }

        var outputGradients = new float[outputs.Length];
        var logSumExpGradients = new float[logSumExps.Length];
        MergeStates.Backward(Context, Rows, Width, outputs, logSumExps, outputWeights, logSumExpWeights, outputGradients, logSumExpGradients);

        AssertGradient("outputs", outputs, outputGradients, Loss);
        AssertGradient("logSumExps", logSumExps, logSumExpGradients, Loss);
    }

    [Test]
    public void LinearAttentionBackwardIsTheDerivativeOfForward(
        [Values] LinearActivation rowActivation, [Values] LinearActivation stateActivation, [Values] bool selfTerm)
    {
        LinearAttentionShape shape = new(2, 3, 2);
        LinearAttentionOptions options = new() { RowActivation = rowActivation, StateActivation = stateActivation, StateScale = 0.4f };
        JaggedLayout history = JaggedLayout.FromLengths(3, 0, 2);
        JaggedLayout rows = JaggedLayout.FromLengths(2, 1, 0);
        float[] keys = AwayFromTheKink(Samples.Normal(1, history.Total * shape.KeyRow));
        float[] values = Samples.Normal(2, history.Total * shape.ValueRow);
        float[] queries = AwayFromTheKink(Samples.Normal(3, rows.Total * shape.KeyRow));
        float[] selfKeys = AwayFromTheKink(Samples.Normal(4, selfTerm ? queries.Length : 0));
        float[] selfValues = Samples.Normal(5, selfTerm ? rows.Total * shape.ValueRow : 0);
        float[] weights = Samples.Normal(6, rows.Total * shape.ValueRow);
        float[] State()
        {
            var state = new float[history.Count * shape.State];
            LinearAttention.AddToState(Reference, shape, options, history, keys, values, state);
            return state;
        }
        double Loss()
        {
            var output = new float[weights.Length];
            LinearAttention.Apply(Reference, shape, options, rows, queries, State(), selfKeys, selfValues, output);
            return WeightedSum(output, weights);
        }

        var queryGradient = new float[queries.Length];
        var stateGradient = new float[history.Count * shape.State];
        var selfKeyGradient = new float[selfKeys.Length];
        var selfValueGradient = new float[selfValues.Length];
        LinearAttention.ApplyBackward(
            Context, shape, options, rows, queries, State(), selfKeys, selfValues, weights, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);
        var keyGradient = new float[keys.Length];
        var valueGradient = new float[values.Length];
        LinearAttention.AddToStateBackward(Context, shape, options, history, keys, values, stateGradient, keyGradient, valueGradient);

        AssertGradient("queries", queries, queryGradient, Loss);
        AssertGradient("selfKeys", selfKeys, selfKeyGradient, Loss);
        AssertGradient("selfValues", selfValues, selfValueGradient, Loss);
        AssertGradient("keys", keys, keyGradient, Loss);
        AssertGradient("values", values, valueGradient, Loss);
    }

    [Test]
    public void SketchAttentionBackwardIsTheDerivativeOfForward([Values] SlotNormalization normalization)
    {
        SketchAttentionShape shape = new(JaggedLayout.FromLengths(4, 0, 2), 3, 2, 2) { Normalization = normalization };
        float[] prototypes = Samples.Normal(1, shape.Prototypes * shape.KeyWidth);
        float[] keys = Samples.Normal(2, shape.History.Total * shape.KeyWidth);
        float[] values = Samples.Normal(3, shape.History.Total * shape.ValueWidth);
        float[] weights = Samples.Normal(4, shape.SketchLength);
        var sketch = new float[shape.SketchLength];
        var tokenLogSumExp = new float[shape.History.Total];
        var mass = new float[shape.History.Count * shape.Prototypes];
        double Loss()
        {
            SketchAttention.Forward(Reference, shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);
            return WeightedSum(sketch, weights);
        }

        Loss();
        var prototypeGradient = new float[prototypes.Length];
        var keyGradient = new float[keys.Length];
        var valueGradient = new float[values.Length];
        SketchAttention.Backward(
            Context, shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, weights, prototypeGradient, keyGradient, valueGradient);

        AssertGradient("prototypes", prototypes, prototypeGradient, Loss);
        AssertGradient("keys", keys, keyGradient, Loss);
        AssertGradient("values", values, valueGradient, Loss);
    }

    /// <summary>The shifted ELU's second derivative jumps at 1: no step of a difference may cross it.</summary>
    private static float[] AwayFromTheKink(float[] values) => [.. values.Select(v => Math.Abs(v - 1) < 0.1f ? v + 0.3f : v)];
}

namespace LongSeqKernels.Cli;

/// <summary>Merging partial states, one of them empty, one row wholly empty.</summary>
internal sealed class MergeStatesCase() : VerificationCase("merge states", "5 parts, 37 rows of 48")
{
    private const int Parts = 5;
    private const int Rows = 37;
    private const int Width = 48;

    public override bool IsFloat32Only => true;

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        float[] outputs = inputs.Single(Parts * Rows * Width);
        float[] logSumExps = inputs.Single(Parts * Rows, 3);
        for (int part = 0; part < Parts; part++)
        {
            for (int row = 0; row < Rows; row++)
            {
                if (part == 2 || row == 11)
                {
                    logSumExps[(part * Rows) + row] = float.NegativeInfinity;
                    outputs.AsSpan(((part * Rows) + row) * Width, Width).Clear();
                }
            }
        }
        float[] outputGradient = inputs.Single(Rows * Width);
        float[] logSumExpGradient = inputs.Single(Rows);

        float[] output = InputSource.Output<float>(Rows * Width);
        float[] logSumExp = InputSource.Output<float>(Rows);
        MergeStates.Forward(context, Rows, Width, outputs, logSumExps, output, logSumExp);
        results.Add("output", Direction.Forward, output);
        results.Add("LSE", Direction.Forward, logSumExp);

        float[] outputGradients = InputSource.Output<float>(outputs.Length);
        float[] logSumExpGradients = InputSource.Output<float>(logSumExps.Length);
        MergeStates.Backward(context, Rows, Width, outputs, logSumExps, outputGradient, logSumExpGradient, outputGradients, logSumExpGradients);
        results.Add("output gradients", Direction.Backward, outputGradients);
        results.Add("LSE gradients", Direction.Backward, logSumExpGradients);
    }
}

/// <summary>Quasi-linear attention: state, its extension by new events, targets with a self term.</summary>
internal sealed class LinearAttentionCase(string name, LinearAttentionShape widths, LinearAttentionOptions options)
    : VerificationCase("linear attention", name)
{
    public static IEnumerable<VerificationCase> All() =>
    [
        new LinearAttentionCase("SiLU, 2 heads of 32", new LinearAttentionShape(2, 32, 32), new LinearAttentionOptions { StateScale = 1f / 256 }),
        new LinearAttentionCase("shifted ELU, widths 24 and 40", new LinearAttentionShape(3, 24, 40), new LinearAttentionOptions { RowActivation = LinearActivation.ShiftedElu, StateActivation = LinearActivation.Identity, StateScale = 1f / 64 }),
        new LinearAttentionCase("identity, width 7", new LinearAttentionShape(1, 7, 7), new LinearAttentionOptions { RowActivation = LinearActivation.Identity, StateScale = 1f / 64 }),
    ];

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        JaggedLayout history = JaggedLayout.FromLengths(0, 1, 64, 65, 300);
        JaggedLayout targets = JaggedLayout.FromLengths(1, 3, 0, 9, 33);
        T[] keys = inputs.Normal<T>(history.Total * widths.KeyRow);
        T[] values = inputs.Normal<T>(history.Total * widths.ValueRow);
        T[] queries = inputs.Normal<T>(targets.Total * widths.KeyRow);
        T[] selfKeys = inputs.Normal<T>(targets.Total * widths.KeyRow);
        T[] selfValues = inputs.Normal<T>(targets.Total * widths.ValueRow);
        T[] outputGradient = inputs.Normal<T>(targets.Total * widths.ValueRow);

        var state = new float[history.Count * widths.State];
        LinearAttention.AddToState<T>(context, widths, options, history, keys, values, state);
        results.Add("state", Direction.Forward, state);
        T[] output = InputSource.Output<T>(targets.Total * widths.ValueRow);
        LinearAttention.Apply<T>(context, widths, options, targets, queries, state, selfKeys, selfValues, output);
        results.Add("output", Direction.Forward, output);

        T[] queryGradient = InputSource.Output<T>(queries.Length);
        var stateGradient = new float[state.Length];
        T[] selfKeyGradient = InputSource.Output<T>(selfKeys.Length);
        T[] selfValueGradient = InputSource.Output<T>(selfValues.Length);
        LinearAttention.ApplyBackward<T>(
            context, widths, options, targets, queries, state, selfKeys, selfValues, outputGradient, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);
        T[] keyGradient = InputSource.Output<T>(keys.Length);
        T[] valueGradient = InputSource.Output<T>(values.Length);
        LinearAttention.AddToStateBackward<T>(context, widths, options, history, keys, values, stateGradient, keyGradient, valueGradient);
        results.Add("query gradient", Direction.Backward, queryGradient);
        results.Add("state gradient", Direction.Backward, stateGradient);
        results.Add("self key gradient", Direction.Backward, selfKeyGradient);
        results.Add("self value gradient", Direction.Backward, selfValueGradient);
        results.Add("key gradient", Direction.Backward, keyGradient);
        results.Add("value gradient", Direction.Backward, valueGradient);
    }
}

/// <summary>Sketch attention: sums and weighted means.</summary>
internal sealed class SketchAttentionCase(string name, SketchAttentionShape shape) : VerificationCase("sketch attention", name)
{
    public static IEnumerable<VerificationCase> All()
    {
        JaggedLayout history = JaggedLayout.FromLengths(0, 1, 63, 130, 300);
        yield return new SketchAttentionCase("32 prototypes of 32, width 48", new SketchAttentionShape(history, 32, 32, 48));
        yield return new SketchAttentionCase("5 slots of 19, by mass", new SketchAttentionShape(history, 5, 19, 7) { Normalization = SlotNormalization.Mass });
    }

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        T[] prototypes = inputs.Normal<T>((long)shape.Prototypes * shape.KeyWidth);
        T[] keys = inputs.Normal<T>(shape.History.Total * shape.KeyWidth);
        T[] values = inputs.Normal<T>(shape.History.Total * shape.ValueWidth);
        T[] sketchGradient = inputs.Normal<T>(shape.SketchLength);

        T[] sketch = InputSource.Output<T>(shape.SketchLength);
        float[] logSumExp = InputSource.Output<float>(shape.History.Total);
        float[] mass = InputSource.Output<float>((long)shape.History.Count * shape.Prototypes);
        SketchAttention.Forward<T>(context, shape, prototypes, keys, values, sketch, logSumExp, mass);
        results.Add("sketch", Direction.Forward, sketch);
        results.Add("LSE", Direction.Forward, logSumExp);
        results.Add("mass", Direction.Forward, mass);

        T[] prototypeGradient = InputSource.Output<T>(prototypes.Length);
        T[] keyGradient = InputSource.Output<T>(keys.Length);
        T[] valueGradient = InputSource.Output<T>(values.Length);
        SketchAttention.Backward<T>(context, shape, prototypes, keys, values, sketch, logSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);
        results.Add("prototype gradient", Direction.Backward, prototypeGradient);
        results.Add("key gradient", Direction.Backward, keyGradient);
        results.Add("value gradient", Direction.Backward, valueGradient);
    }
}

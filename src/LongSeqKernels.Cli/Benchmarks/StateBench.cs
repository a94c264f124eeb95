namespace LongSeqKernels.Cli;

/// <summary>Linear attention: a history is added to its state. The result of a backward is the gradient of the values.</summary>
internal sealed class LinearAttentionStateBench() : BenchOperation("linear-attention-state")
{
    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} events, {sizes.Heads} heads of {sizes.HeadWidth}";

    /// <summary>One product of keys and values forward; backward one for the values' gradient and one for the keys'.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        LinearAttentionShape shape = Shape(sizes);
        double product = 2.0 * sizes.History * shape.State;
        double rows = (double)sizes.History * (shape.KeyRow + shape.ValueRow);
        return direction == Direction.Forward
            ? new BenchWork(product, (elementBytes * rows) + (sizeof(float) * 2.0 * shape.State))
            : new BenchWork(2 * product, (elementBytes * 2 * rows) + (sizeof(float) * (double)shape.State));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        LinearAttentionShape shape = Shape(sizes);
        JaggedLayout history = JaggedLayout.Uniform(1, sizes.History);
        var options = new LinearAttentionOptions();
        BenchTensor<T> keys = BenchInputs.Uniform<T>(history.Total * shape.KeyRow, 1);
        BenchTensor<T> values = BenchInputs.Uniform<T>(history.Total * shape.ValueRow, 2);
        if (direction == Direction.Forward)
        {
            BenchTensor<float> state = BenchInputs.Output<float>(shape.State);
            return Of(
                () =>
                {
                    state.Span.Clear();
                    LinearAttention.AddToState<T>(context, shape, options, history, keys, values, state);
                },
                state);
        }
        BenchTensor<float> stateGradient = BenchInputs.Uniform<float>(shape.State, 3);
        BenchTensor<T> keyGradient = BenchInputs.Output<T>(keys.Length), valueGradient = BenchInputs.Output<T>(values.Length);
        return Of(
            () => LinearAttention.AddToStateBackward<T>(context, shape, options, history, keys, values, stateGradient, keyGradient, valueGradient), valueGradient);
    }

    /// <summary>Heads as wide for keys as for values.</summary>
    internal static LinearAttentionShape Shape(BenchShape sizes) => new(sizes.Heads, sizes.HeadWidth, sizes.HeadWidth);
}

/// <summary>Linear attention: the rows of a history read its state. The result of a backward is the gradient of the queries.</summary>
internal sealed class LinearAttentionReadBench() : BenchOperation("linear-attention-read")
{
    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} rows, {sizes.Heads} heads of {sizes.HeadWidth}";

    /// <summary>One product forward; backward one for the queries' gradient and one for the state's, which is added to.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        LinearAttentionShape shape = LinearAttentionStateBench.Shape(sizes);
        double product = 2.0 * sizes.History * shape.State;
        double rows = (double)sizes.History * shape.KeyRow;
        return direction == Direction.Forward
            ? new BenchWork(product, (elementBytes * 2 * rows) + (sizeof(float) * (double)shape.State))
            : new BenchWork(2 * product, (elementBytes * 3 * rows) + (sizeof(float) * 3.0 * shape.State));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        LinearAttentionShape shape = LinearAttentionStateBench.Shape(sizes);
        JaggedLayout rows = JaggedLayout.Uniform(1, sizes.History);
        var options = new LinearAttentionOptions();
        BenchTensor<T> queries = BenchInputs.Uniform<T>(rows.Total * shape.KeyRow, 1);
        BenchTensor<float> state = BenchInputs.Uniform<float>(shape.State, 2);
        BenchTensor<T> result = BenchInputs.Output<T>(queries.Length);
        if (direction == Direction.Forward)
        {
            return Of(() => LinearAttention.Apply<T>(context, shape, options, rows, queries, state, [], [], result), result);
        }
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(queries.Length, 3);
        var stateGradient = new float[shape.State];
        return Of(
            () =>
            {
                Array.Clear(stateGradient);
                LinearAttention.ApplyBackward<T>(context, shape, options, rows, queries, state, [], [], outputGradient, result, stateGradient, [], []);
            },
            result);
    }
}

/// <summary>Sketch attention. The result of a backward is the gradient of the values.</summary>
internal sealed class SketchAttentionBench() : BenchOperation("sketch-attention")
{
    public override string Describe(BenchShape sizes) => $"{sizes.Seeds} prototypes, {Format.Count(sizes.History)} events, D = {sizes.Width}";

    /// <summary>Two products forward, logits and sketch; backward the logits again and four gradients.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double product = 2.0 * sizes.Seeds * sizes.History * sizes.Width;
        double rows = 2.0 * sizes.History * sizes.Width;
        double prototypes = (double)sizes.Seeds * sizes.Width;
        double sums = sizeof(float) * ((double)sizes.History + sizes.Seeds);
        return direction == Direction.Forward
            ? new BenchWork(2 * product, (elementBytes * (rows + (2 * prototypes))) + sums)
            : new BenchWork(5 * product, (elementBytes * ((2 * rows) + (4 * prototypes))) + sums);
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        var shape = new SketchAttentionShape(JaggedLayout.Uniform(1, sizes.History), sizes.Seeds, sizes.Width, sizes.Width);
        BenchTensor<T> prototypes = BenchInputs.Uniform<T>((long)shape.Prototypes * shape.KeyWidth, 1);
        BenchTensor<T> keys = BenchInputs.Uniform<T>((long)sizes.History * shape.KeyWidth, 2);
        BenchTensor<T> values = BenchInputs.Uniform<T>((long)sizes.History * shape.ValueWidth, 3);
        BenchTensor<T> sketch = BenchInputs.Output<T>(shape.SketchLength);
        var logSumExp = new float[sizes.History];
        var mass = new float[shape.Prototypes];
        void Forward() => SketchAttention.Forward<T>(context, shape, prototypes, keys, values, sketch, logSumExp, mass);
        if (direction == Direction.Forward)
        {
            return Of(Forward, sketch);
        }
        Forward();
        BenchTensor<T> sketchGradient = BenchInputs.Uniform<T>(sketch.Length, 4);
        BenchTensor<T> prototypeGradient = BenchInputs.Output<T>(prototypes.Length), keyGradient = BenchInputs.Output<T>(keys.Length), valueGradient = BenchInputs.Output<T>(values.Length);
        return Of(
            () => SketchAttention.Backward<T>(
                context, shape, prototypes, keys, values, sketch, logSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient),
            valueGradient);
    }
}

/// <summary>Merging the states of parts of a history. The result of a backward is the gradient of the parts' outputs.</summary>
internal sealed class MergeStatesBench() : BenchOperation("merge-states")
{
    public override bool IsFloat32Only => true;

    public override string Describe(BenchShape sizes) => $"{sizes.Parts} parts, {Format.Count(Rows(sizes))} rows of {sizes.HeadWidth}";

    /// <summary>A multiply-add an element forward; backward the sum again, the weighted gradient and a dot product.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double rows = Rows(sizes);
        double output = rows * sizes.HeadWidth;
        double parts = sizes.Parts * (output + rows);
        return direction == Direction.Forward
            ? new BenchWork(2 * sizes.Parts * output, sizeof(float) * (parts + output + rows))
            : new BenchWork(5 * sizes.Parts * output, sizeof(float) * ((2 * parts) + output));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        (int rows, int width) = (Rows(sizes), sizes.HeadWidth);
        BenchTensor<float> outputs = BenchInputs.Uniform<float>((long)sizes.Parts * rows * width, 1);
        BenchTensor<float> logSumExps = BenchInputs.Uniform<float>((long)sizes.Parts * rows, 2);
        if (direction == Direction.Forward)
        {
            BenchTensor<float> output = BenchInputs.Output<float>((long)rows * width);
            var logSumExp = new float[rows];
            return Of(() => MergeStates.Forward(context, rows, width, outputs, logSumExps, output, logSumExp), output);
        }
        BenchTensor<float> outputGradient = BenchInputs.Uniform<float>((long)rows * width, 3);
        BenchTensor<float> outputGradients = BenchInputs.Output<float>(outputs.Length), logSumExpGradients = BenchInputs.Output<float>(logSumExps.Length);
        return Of(() => MergeStates.Backward(context, rows, width, outputs, logSumExps, outputGradient, [], outputGradients, logSumExpGradients), outputGradients);
    }

    private static int Rows(BenchShape sizes) => sizes.Targets * sizes.Heads;
}

namespace LongSeqKernels.Cli;

/// <summary>Gated FFN and layer norm, encoder of the history. The result of a backward is the gradient of the input.</summary>
internal sealed class GatedFfnBench() : BenchOperation("gated-ffn")
{
    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} rows, {sizes.Width} to {sizes.Expansion * sizes.Width}";

    /// <summary>Three products forward. Backward: these again, and two for each of them.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        GatedFfnShape shape = Shape(sizes);
        double weights = 3.0 * shape.Width * shape.HiddenWidth;
        double rows = (double)shape.Rows * shape.Width;
        return direction == Direction.Forward
            ? new BenchWork(2 * shape.Rows * weights, elementBytes * ((2 * rows) + weights))
            : new BenchWork(6 * shape.Rows * weights, elementBytes * ((3 * rows) + (2 * weights)));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        GatedFfnShape shape = Shape(sizes);
        long size = (long)shape.Width * shape.HiddenWidth;
        BenchTensor<T> input = BenchInputs.Uniform<T>((long)shape.Rows * shape.Width, 1);
        BenchTensor<T> up = BenchInputs.Uniform<T>(size, 2, 1f / MathF.Sqrt(shape.Width));
        BenchTensor<T> gate = BenchInputs.Uniform<T>(size, 3, 1f / MathF.Sqrt(shape.Width));
        BenchTensor<T> down = BenchInputs.Uniform<T>(size, 4, 1f / MathF.Sqrt(shape.HiddenWidth));
        BenchTensor<T> rows = BenchInputs.Output<T>(input.Length);
        GatedFfnWeights<T> Weights() => new() { Up = up, Gate = gate, Down = down };
        if (direction == Direction.Forward)
        {
            return Of(() => GatedFfn.Forward(context, shape, input, Weights(), rows), rows);
        }
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(input.Length, 5);
        BenchTensor<T> upGradient = BenchInputs.Output<T>(size), gateGradient = BenchInputs.Output<T>(size), downGradient = BenchInputs.Output<T>(size);
        return Of(
            () => GatedFfn.Backward(
                context, shape, input, Weights(), outputGradient, rows, new GatedFfnGradients<T> { Up = upGradient, Gate = gateGradient, Down = downGradient }),
            rows);
    }

    private static GatedFfnShape Shape(BenchShape sizes) => new(sizes.History, sizes.Width, sizes.Expansion * sizes.Width);
}

/// <summary>A linear layer without bias. The result of a backward is the gradient of the weight.</summary>
internal sealed class LinearBench() : BenchOperation("linear")
{
    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} rows, {sizes.Width} to {sizes.Width}";

    /// <summary>One product forward, two backward.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double rows = (double)sizes.History * sizes.Width;
        double weight = (double)sizes.Width * sizes.Width;
        return direction == Direction.Forward
            ? new BenchWork(2 * rows * sizes.Width, elementBytes * ((2 * rows) + weight))
            : new BenchWork(4 * rows * sizes.Width, elementBytes * ((3 * rows) + (2 * weight)));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        var shape = new LinearShape(sizes.History, sizes.Width, sizes.Width);
        BenchTensor<T> input = BenchInputs.Uniform<T>((long)shape.Rows * shape.InputWidth, 1);
        BenchTensor<T> weight = BenchInputs.Uniform<T>((long)shape.InputWidth * shape.OutputWidth, 2, 1f / MathF.Sqrt(shape.InputWidth));
        if (direction == Direction.Forward)
        {
            BenchTensor<T> output = BenchInputs.Output<T>(input.Length);
            return Of(() => Linear.Forward<T>(context, shape, input, weight, [], output), output);
        }
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(input.Length, 3);
        BenchTensor<T> inputGradient = BenchInputs.Output<T>(input.Length);
        BenchTensor<T> weightGradient = BenchInputs.Output<T>(weight.Length);
        return Of(() => Linear.Backward<T>(context, shape, input, weight, outputGradient, inputGradient, weightGradient, []), weightGradient);
    }
}

/// <summary>Layer norm with gain and bias. The result of a backward is the gradient of the input.</summary>
internal sealed class LayerNormBench() : BenchOperation("layer-norm")
{
    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} rows of {sizes.Width}";

    /// <summary>
    /// An element costs eight operations forward (mean 1, variance 3, normalise 2, gain and bias 2), seventeen backward (mean and variance again 4, normalise again 2, the
    /// gradient of the normalised row 1, its two sums 3, of the input 4, of gain and bias 3).
    /// </summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double elements = (double)sizes.History * sizes.Width;
        return direction == Direction.Forward
            ? new BenchWork(8 * elements, elementBytes * ((2 * elements) + (2.0 * sizes.Width)))
            : new BenchWork(17 * elements, elementBytes * ((3 * elements) + (3.0 * sizes.Width)));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        (int rows, int width) = (sizes.History, sizes.Width);
        BenchTensor<T> input = BenchInputs.Uniform<T>((long)rows * width, 1);
        BenchTensor<T> gain = BenchInputs.Uniform<T>(width, 2), bias = BenchInputs.Uniform<T>(width, 3);
        BenchTensor<T> result = BenchInputs.Output<T>(input.Length);
        if (direction == Direction.Forward)
        {
            return Of(() => LayerNorm.Forward<T>(context, rows, width, LayerNorm.DefaultEpsilon, input, gain, bias, result), result);
        }
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(input.Length, 4);
        BenchTensor<T> gainGradient = BenchInputs.Output<T>(width), biasGradient = BenchInputs.Output<T>(width);
        return Of(
            () => LayerNorm.Backward<T>(context, rows, width, LayerNorm.DefaultEpsilon, input, gain, outputGradient, result, gainGradient, biasGradient), result);
    }
}

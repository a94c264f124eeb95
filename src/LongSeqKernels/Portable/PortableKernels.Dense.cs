namespace LongSeqKernels.Portable;

/// <content>Linear layers, layer norm, gated FFN.</content>
internal sealed partial class PortableKernels
{
    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged =>
        Multiply(shape, new ReadOnlySpanView<T>(input), new ReadOnlySpanView<T>(weight), new ReadOnlySpanView<T>(bias), new SpanView<T>(output), mode);

    public void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged
    {
        var gradient = new ReadOnlySpanView<T>(outputGradient);
        MultiplyBackward(shape, gradient, new ReadOnlySpanView<T>(weight), new SpanView<T>(inputGradient), mode);
        ParameterGradients(shape, new ReadOnlySpanView<T>(input), gradient, new SpanView<T>(weightGradient), new SpanView<T>(biasGradient), mode);
    }

    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        var x = new ReadOnlySpanView<T>(input);
        var moments = new SpanView<float>(new float[2L * rows]);
        Normalise(rows, width, epsilon, x, moments, new ReadOnlySpanView<T>(gain), new ReadOnlySpanView<T>(bias), new SpanView<T>(output));
    }

    public void LayerNormBackward<T>(
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
        where T : unmanaged
    {
        var x = new ReadOnlySpanView<T>(input);
        var dy = new ReadOnlySpanView<T>(outputGradient);
        var moments = new SpanView<float>(new float[2L * rows]);
        for (long row = 0; row < rows; row++)
        {
            LayerNormBodies.Moments(width, epsilon, x, moments, row);
        }
        for (long row = 0; row < rows && !inputGradient.IsEmpty; row++)
        {
            LayerNormBodies.InputGradient(width, x, moments, new ReadOnlySpanView<T>(gain), dy, new SpanView<T>(inputGradient), row);
        }
        for (int column = 0; column < width; column++)
        {
            LayerNormBodies.ParameterGradients(
                rows, width, x, moments, dy, new SpanView<T>(gainGradient), new SpanView<T>(biasGradient), OutputMode.Overwrite, column);
        }
    }

    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        var hidden = HiddenRows<T>.Of(shape, input, weights);
        var result = new SpanView<T>(output);
        var down = new ReadOnlySpanView<T>(weights.Down);
        var downBias = new ReadOnlySpanView<T>(weights.DownBias);
        if (shape.Norm == FfnNorm.None)
        {
            Multiply(Down(shape), hidden.Product, down, downBias, result, OutputMode.Overwrite);
            return;
        }
        var sums = new SpanView<float>(new float[(long)shape.Rows * shape.Width]);
        Multiply(Down(shape), hidden.Product, down, downBias, sums, OutputMode.Overwrite);
        var moments = new SpanView<float>(new float[2L * shape.Rows]);
        Normalise(
            shape.Rows, shape.Width, shape.Epsilon, sums, moments, new ReadOnlySpanView<T>(weights.NormGain), new ReadOnlySpanView<T>(weights.NormBias), result);
    }

    public void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        var hidden = HiddenRows<T>.Of(shape, input, weights);
        var x = new ReadOnlySpanView<T>(input);
        SpanView<float> sumGradient = SumGradient(shape, hidden, weights, outputGradient, gradients, mode);
        ParameterGradients(Down(shape), hidden.Product, sumGradient, new SpanView<T>(gradients.Down), new SpanView<T>(gradients.DownBias), mode);

        var hiddenGradient = new SpanView<float>(new float[(long)shape.Rows * shape.HiddenWidth]);
        MultiplyBackward(Down(shape), sumGradient, new ReadOnlySpanView<T>(weights.Down), hiddenGradient, OutputMode.Overwrite);
        for (long item = 0; item < hiddenGradient.Length; item++)
        {
            GatedFfnBodies.GateGradient(hidden.Up, hidden.Gate, hiddenGradient, item);
        }
        ParameterGradients(Up(shape), x, hidden.Up, new SpanView<T>(gradients.Up), new SpanView<T>(gradients.UpBias), mode);
        ParameterGradients(Up(shape), x, hidden.Gate, new SpanView<T>(gradients.Gate), new SpanView<T>(gradients.GateBias), mode);
        if (!inputGradient.IsEmpty)
        {
            var sum = new SpanView<float>(new float[inputGradient.Length]);
            MultiplyBackward(Up(shape), hidden.Up, new ReadOnlySpanView<T>(weights.Up), sum, OutputMode.Overwrite);
            MultiplyBackward(Up(shape), hidden.Gate, new ReadOnlySpanView<T>(weights.Gate), sum, OutputMode.Add);
            for (long item = 0; item < sum.Length; item++)
            {
                LinearBodies.Store(new SpanView<T>(inputGradient), item, sum.Get(item), mode);
            }
        }
    }

    /// <summary>The gradient of the rows before the norm, and those of the norm's parameters.</summary>
    private static SpanView<float> SumGradient<T>(
        GatedFfnShape shape,
        HiddenRows<T> hidden,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        var dy = new ReadOnlySpanView<T>(outputGradient);
        var sumGradient = new SpanView<float>(new float[outputGradient.Length]);
        if (shape.Norm == FfnNorm.None)
        {
            for (long item = 0; item < dy.Length; item++)
            {
                sumGradient.Set(item, dy.Get(item));
            }
            return sumGradient;
        }
        var sums = new SpanView<float>(new float[outputGradient.Length]);
        Multiply(Down(shape), hidden.Product, new ReadOnlySpanView<T>(weights.Down), new ReadOnlySpanView<T>(weights.DownBias), sums, OutputMode.Overwrite);
        var moments = new SpanView<float>(new float[2L * shape.Rows]);
        for (long row = 0; row < shape.Rows; row++)
        {
            LayerNormBodies.Moments(shape.Width, shape.Epsilon, sums, moments, row);
            LayerNormBodies.InputGradient(shape.Width, sums, moments, new ReadOnlySpanView<T>(weights.NormGain), dy, sumGradient, row);
        }
        for (int column = 0; column < shape.Width; column++)
        {
            LayerNormBodies.ParameterGradients(
                shape.Rows, shape.Width, sums, moments, dy, new SpanView<T>(gradients.NormGain), new SpanView<T>(gradients.NormBias), mode, column);
        }
        return sumGradient;
    }

    private static LinearShape Up(GatedFfnShape shape) => new(shape.Rows, shape.Width, shape.HiddenWidth);

    private static LinearShape Down(GatedFfnShape shape) => new(shape.Rows, shape.HiddenWidth, shape.Width);

    private static void Multiply<TInput, TWeight, TOutput>(LinearShape shape, TInput input, TWeight weight, TWeight bias, TOutput output, OutputMode mode)
        where TInput : struct, IReadView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        for (long item = 0; item < output.Length; item++)
        {
            LinearBodies.Output(shape, input, weight, bias, output, mode, item);
        }
    }

    private static void MultiplyBackward<TGradient, TWeight, TOutput>(LinearShape shape, TGradient gradient, TWeight weight, TOutput output, OutputMode mode)
        where TGradient : struct, IReadView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        for (long item = 0; item < output.Length; item++)
        {
            LinearBodies.InputGradient(shape, gradient, weight, output, mode, item);
        }
    }

    private static void ParameterGradients<TInput, TGradient, TOutput>(
        LinearShape shape, TInput input, TGradient gradient, TOutput weightGradient, TOutput biasGradient, OutputMode mode)
        where TInput : struct, IReadView, allows ref struct
        where TGradient : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        for (long item = 0; item < weightGradient.Length; item++)
        {
            LinearBodies.WeightGradient(shape, input, gradient, weightGradient, mode, item);
        }
        for (long item = 0; item < biasGradient.Length; item++)
        {
            LinearBodies.BiasGradient(shape, gradient, biasGradient, mode, item);
        }
    }

    private static void Normalise<TInput, TWeight, TOutput>(
        int rows, int width, float epsilon, TInput input, SpanView<float> moments, TWeight gain, TWeight bias, TOutput output)
        where TInput : struct, IReadView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        for (long row = 0; row < rows; row++)
        {
            LayerNormBodies.Moments(width, epsilon, input, moments, row);
            LayerNormBodies.Forward(width, input, moments, gain, bias, output, row);
        }
    }

    /// <summary>The two branches of a gated FFN and their product, all rows at once.</summary>
    private readonly ref struct HiddenRows<T>
        where T : unmanaged
    {
        public SpanView<float> Up { get; private init; }

        public SpanView<float> Gate { get; private init; }

        public SpanView<float> Product { get; private init; }

        public static HiddenRows<T> Of(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights)
        {
            long length = (long)shape.Rows * shape.HiddenWidth;
            var x = new ReadOnlySpanView<T>(input);
            var hidden = new HiddenRows<T>
            {
                Up = new SpanView<float>(new float[length]),
                Gate = new SpanView<float>(new float[length]),
                Product = new SpanView<float>(new float[length]),
            };
            Multiply(PortableKernels.Up(shape), x, new ReadOnlySpanView<T>(weights.Up), new ReadOnlySpanView<T>(weights.UpBias), hidden.Up, OutputMode.Overwrite);
            Multiply(PortableKernels.Up(shape), x, new ReadOnlySpanView<T>(weights.Gate), new ReadOnlySpanView<T>(weights.GateBias), hidden.Gate, OutputMode.Overwrite);
            for (long item = 0; item < length; item++)
            {
                GatedFfnBodies.Gate(hidden.Up, hidden.Gate, hidden.Product, item);
            }
            return hidden;
        }
    }
}

namespace LongSeqKernels.Ilgpu;

/// <content>Gated FFN.</content>
internal sealed partial class IlgpuKernels
{
    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        HiddenRows hidden = Hidden(call, shape, call.Tensor(input), weights);
        TensorView result = call.Tensor<T>(output.Length);
        TensorView sums = shape.Norm == FfnNorm.None ? result : call.Tensor<float>(output.Length);
        Multiply(call, Down(shape), hidden.Product, call.Tensor(weights.Down), call.Tensor(weights.DownBias), sums, OutputMode.Overwrite);
        if (shape.Norm != FfnNorm.None)
        {
            Normalise(call, shape.Rows, shape.Width, shape.Epsilon, sums, call.Tensor(weights.NormGain), call.Tensor(weights.NormBias), result);
        }
        call.Fetch(result, output);
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
        using var call = new DeviceCall(_device);
        TensorView x = call.Tensor(input);
        TensorView down = call.Tensor(weights.Down);
        HiddenRows hidden = Hidden(call, shape, x, weights);
        TensorView sumGradient = SumGradient(call, shape, hidden, down, weights, call.Tensor(outputGradient), gradients, mode);
        ParameterGradients(call, Down(shape), hidden.Product, sumGradient, gradients.Down, gradients.DownBias, mode);

        // The gradient of h takes the place of h, those of u and v theirs.
        MultiplyBackward(call, Down(shape), sumGradient, down, hidden.Product, OutputMode.Overwrite);
        call.Launch(new GateGradientWork { Up = hidden.Up, Gate = hidden.Gate, HiddenGradient = hidden.Product }, hidden.Product.Length);
        ParameterGradients(call, Up(shape), x, hidden.Up, gradients.Up, gradients.UpBias, mode);
        ParameterGradients(call, Up(shape), x, hidden.Gate, gradients.Gate, gradients.GateBias, mode);
        if (!inputGradient.IsEmpty)
        {
            // In fp32 until both branches are in: a 16-bit result is rounded once.
            TensorView sum = call.Tensor<float>(inputGradient.Length);
            MultiplyBackward(call, Up(shape), hidden.Up, call.Tensor(weights.Up), sum, OutputMode.Overwrite);
            MultiplyBackward(call, Up(shape), hidden.Gate, call.Tensor(weights.Gate), sum, OutputMode.Add);
            TensorView result = call.Tensor(inputGradient, mode);
            call.Launch(new StoreWork { Values = sum, Result = result, Mode = mode }, result.Length);
            call.Fetch(result, inputGradient);
        }
    }

    /// <summary>The gradient of the rows before the norm; also those of the norm's parameters.</summary>
    private static TensorView SumGradient<T>(
        DeviceCall call,
        GatedFfnShape shape,
        HiddenRows hidden,
        TensorView down,
        GatedFfnWeights<T> weights,
        TensorView outputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        if (shape.Norm == FfnNorm.None)
        {
            return outputGradient;
        }
        TensorView sums = call.Tensor<float>(outputGradient.Length);
        Multiply(call, Down(shape), hidden.Product, down, call.Tensor(weights.DownBias), sums, OutputMode.Overwrite);
        TensorView moments = Moments(call, shape.Rows, shape.Width, shape.Epsilon, sums);
        TensorView sumGradient = call.Tensor<float>(outputGradient.Length);
        NormInputGradient(call, shape.Width, sums, moments, call.Tensor(weights.NormGain), outputGradient, sumGradient);
        NormParameterGradients(call, shape.Rows, shape.Width, sums, moments, outputGradient, gradients.NormGain, gradients.NormBias, mode);
        return sumGradient;
    }

    private static LinearShape Up(GatedFfnShape shape) => new(shape.Rows, shape.Width, shape.HiddenWidth);

    private static LinearShape Down(GatedFfnShape shape) => new(shape.Rows, shape.HiddenWidth, shape.Width);

    /// <summary>The two branches of the rows and their product.</summary>
    private static HiddenRows Hidden<T>(DeviceCall call, GatedFfnShape shape, TensorView input, GatedFfnWeights<T> weights)
        where T : unmanaged
    {
        long length = (long)shape.Rows * shape.HiddenWidth;
        var hidden = new HiddenRows(call.Tensor<float>(length), call.Tensor<float>(length), call.Tensor<float>(length));
        Multiply(call, Up(shape), input, call.Tensor(weights.Up), call.Tensor(weights.UpBias), hidden.Up, OutputMode.Overwrite);
        Multiply(call, Up(shape), input, call.Tensor(weights.Gate), call.Tensor(weights.GateBias), hidden.Gate, OutputMode.Overwrite);
        call.Launch(new GateWork { Up = hidden.Up, Gate = hidden.Gate, Hidden = hidden.Product }, length);
        return hidden;
    }

    private readonly record struct HiddenRows(TensorView Up, TensorView Gate, TensorView Product);
}

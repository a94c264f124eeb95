namespace LongSeqKernels.Ilgpu;

/// <content>Linear layers and layer norm.</content>
internal sealed partial class IlgpuKernels
{
    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        TensorView result = call.Tensor(output, mode);
        Multiply(call, shape, call.Tensor(input), call.Tensor(weight), call.Tensor(bias), result, mode);
        call.Fetch(result, output);
    }

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
        using var call = new DeviceCall(_device);
        TensorView gradient = call.Tensor(outputGradient);
        TensorView inputResult = call.Tensor(inputGradient, mode);
        MultiplyBackward(call, shape, gradient, call.Tensor(weight), inputResult, mode);
        call.Fetch(inputResult, inputGradient);
        ParameterGradients(call, shape, call.Tensor(input), gradient, weightGradient, biasGradient, mode);
    }

    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        TensorView result = call.Tensor<T>(output.Length);
        Normalise(call, rows, width, epsilon, call.Tensor(input), call.Tensor(gain), call.Tensor(bias), result);
        call.Fetch(result, output);
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
        using var call = new DeviceCall(_device);
        TensorView x = call.Tensor(input);
        TensorView dy = call.Tensor(outputGradient);
        TensorView moments = Moments(call, rows, width, epsilon, x);
        TensorView inputResult = call.Tensor<T>(inputGradient.Length);
        NormInputGradient(call, width, x, moments, call.Tensor(gain), dy, inputResult);
        call.Fetch(inputResult, inputGradient);
        NormParameterGradients(call, rows, width, x, moments, dy, gainGradient, biasGradient, OutputMode.Overwrite);
    }

    private static void Multiply(DeviceCall call, LinearShape shape, TensorView input, TensorView weight, TensorView bias, TensorView output, OutputMode mode) =>
        call.Launch(new LinearWork { Shape = shape, Input = input, Weight = weight, Bias = bias, Output = output, Mode = mode }, output.Length);

    private static void MultiplyBackward(DeviceCall call, LinearShape shape, TensorView gradient, TensorView weight, TensorView inputGradient, OutputMode mode) =>
        call.Launch(
            new LinearInputGradientWork { Shape = shape, OutputGradient = gradient, Weight = weight, InputGradient = inputGradient, Mode = mode },
            inputGradient.Length);

    private static void ParameterGradients<T>(
        DeviceCall call, LinearShape shape, TensorView input, TensorView gradient, Span<T> weightGradient, Span<T> biasGradient, OutputMode mode)
        where T : unmanaged
    {
        TensorView weightResult = call.Tensor(weightGradient, mode);
        call.Launch(
            new LinearWeightGradientWork { Shape = shape, Input = input, OutputGradient = gradient, WeightGradient = weightResult, Mode = mode },
            weightResult.Length);
        TensorView biasResult = call.Tensor(biasGradient, mode);
        call.Launch(new LinearBiasGradientWork { Shape = shape, OutputGradient = gradient, BiasGradient = biasResult, Mode = mode }, biasResult.Length);
        call.Fetch(weightResult, weightGradient);
        call.Fetch(biasResult, biasGradient);
    }

    private static TensorView Moments(DeviceCall call, int rows, int width, float epsilon, TensorView input)
    {
        TensorView moments = call.Tensor<float>(2L * rows);
        call.Launch(new LayerNormMomentsWork { Width = width, Epsilon = epsilon, Input = input, Moments = moments }, rows);
        return moments;
    }

    private static void Normalise(
        DeviceCall call, int rows, int width, float epsilon, TensorView input, TensorView gain, TensorView bias, TensorView output)
    {
        TensorView moments = Moments(call, rows, width, epsilon, input);
        call.Launch(new LayerNormWork { Width = width, Input = input, Moments = moments, Gain = gain, Bias = bias, Output = output }, rows);
    }

    private static void NormInputGradient(
        DeviceCall call, int width, TensorView input, TensorView moments, TensorView gain, TensorView outputGradient, TensorView inputGradient) =>
        call.Launch(
            new LayerNormInputGradientWork
            {
                Width = width,
                Input = input,
                Moments = moments,
                Gain = gain,
                OutputGradient = outputGradient,
                InputGradient = inputGradient,
            },
            inputGradient.Length / width);

    private static void NormParameterGradients<T>(
        DeviceCall call,
        int rows,
        int width,
        TensorView input,
        TensorView moments,
        TensorView outputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged
    {
        TensorView gain = call.Tensor(gainGradient, mode);
        TensorView bias = call.Tensor(biasGradient, mode);
        var work = new LayerNormParameterGradientsWork
        {
            Rows = rows,
            Width = width,
            Input = input,
            Moments = moments,
            OutputGradient = outputGradient,
            GainGradient = gain,
            BiasGradient = bias,
            Mode = mode,
        };
        call.Launch(work, gain.Length + bias.Length == 0 ? 0 : width);
        call.Fetch(gain, gainGradient);
        call.Fetch(bias, biasGradient);
    }
}

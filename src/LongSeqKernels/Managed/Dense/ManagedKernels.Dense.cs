namespace LongSeqKernels;

// Linear layers, layer norm and the gated FFN at the vector width of this backend.
internal sealed partial class ManagedKernels
{
    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged =>
        _dense.Linear(shape, input, weight, bias, output, mode);

    public void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged =>
        _dense.LinearBackward(shape, input, weight, outputGradient, inputGradient, weightGradient, biasGradient, mode);

    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged =>
        _dense.LayerNorm(rows, width, epsilon, input, gain, bias, output);

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
        where T : unmanaged =>
        _dense.LayerNormBackward(rows, width, epsilon, input, gain, outputGradient, inputGradient, gainGradient, biasGradient);

    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged =>
        _dense.GatedFfn(shape, input, weights, output);

    public void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged =>
        _dense.GatedFfnBackward(shape, input, weights, outputGradient, inputGradient, gradients, mode);
}

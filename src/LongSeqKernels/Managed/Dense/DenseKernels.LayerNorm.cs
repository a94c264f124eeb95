namespace LongSeqKernels;

// Layer norm over rows.
internal sealed unsafe partial class DenseKernels<TSimd, TVector>
{
    /// <summary>Elements that make an item worth its start.</summary>
    private const int NormElements = 1 << 14;

    /// <summary>Pieces whose sums of gain and bias gradients are kept until they are added up.</summary>
    private const int NormPieces = 512;

    public override void LayerNorm<T>(
        int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
    {
        var pieces = new RowPieces(rows, Math.Max(1, NormElements / width));
        long stride = AlignedBuffer.AlignedFloats(width);
        using AlignedBuffer buffer = scratch.Rent(
            (2 + (LayerNormWork<T, TSimd, TVector>.BufferRows * pool.ThreadsFor(pieces.Count))) * stride * sizeof(float));
        float* gains = buffer.Floats;
        float* biases = gains + stride;
        Parameters.WidenOrFill(gain, 1f, gains, width);
        Parameters.WidenOrFill(bias, 0f, biases, width);
        fixed (T* x = input, y = output)
        {
            var work = new LayerNormWork<T, TSimd, TVector>
            {
                Pieces = pieces,
                Width = width,
                Epsilon = epsilon,
                Input = x,
                Gain = gains,
                Bias = biases,
                Output = y,
                RowBuffers = biases + stride,
                Stride = stride,
            };
            pool.Run(ref work, pieces.Count);
        }
    }

    public override void LayerNormBackward<T>(
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
    {
        RowPieces pieces = RowPieces.AtMost(rows, NormPieces, Math.Max(1, NormElements / width));
        long stride = AlignedBuffer.AlignedFloats(width);
        int sumCount = Math.Max(1, pieces.Count);
        using AlignedBuffer buffer = scratch.Rent((1 + (2L * sumCount) + (3L * LayerNormBackwardWork<T, TSimd, TVector>.BufferRows * pool.ThreadsFor(pieces.Count))) * stride * sizeof(float));
        float* gains = buffer.Floats;
        float* sums = gains + stride;
        Parameters.WidenOrFill(gain, 1f, gains, width);
        new Span<float>(sums, checked((int)(2 * stride))).Clear();
        fixed (T* x = input, dy = outputGradient, dx = inputGradient)
        {
            var work = new LayerNormBackwardWork<T, TSimd, TVector>
            {
                Pieces = pieces,
                Width = width,
                Epsilon = epsilon,
                Input = x,
                Gain = gains,
                OutputGradient = dy,
                InputGradient = dx,
                Sums = sums,
                RowBuffers = sums + (2 * sumCount * stride),
                Stride = stride,
            };
            pool.Run(ref work, pieces.Count);
        }
        for (int piece = 1; piece < pieces.Count; piece++)
        {
            Parameters.Accumulate(sums, sums + (2 * piece * stride), (int)(2 * stride));
        }
        Parameters.Store(sums, gainGradient, OutputMode.Overwrite);
        Parameters.Store(sums + stride, biasGradient, OutputMode.Overwrite);
    }
}

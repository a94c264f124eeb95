namespace LongSeqKernels;

/// <summary>Normalises pieces of the rows.</summary>
internal unsafe struct LayerNormWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public RowPieces Pieces;
    public int Width;
    public float Epsilon;
    public T* Input;
    public float* Gain;
    public float* Bias;
    public T* Output;

    /// <summary>One fp32 row per thread, <see cref="Stride"/> apart.</summary>
    public float* RowBuffers;
    public long Stride;

    public readonly void Execute(int item, int thread)
    {
        float* buffer = RowBuffers + (thread * Stride);
        for (long row = Pieces.Begin(item); row < Pieces.End(item); row++)
        {
            float* x = ElementRows<T>.AsSingle(Input + (row * Width), buffer, Width);
            float* y = typeof(T) == typeof(float) ? (float*)(Output + (row * Width)) : buffer;
            (float mean, float scale) = RowNorm<TSimd, TVector>.Moments(x, Width, Epsilon);
            RowNorm<TSimd, TVector>.Normalise(x, Width, mean, scale, Gain, Bias, y);
            if (typeof(T) != typeof(float))
            {
                ElementRows<T>.Narrow(y, Output + (row * Width), Width);
            }
        }
    }
}

/// <summary>Gradients of pieces of the rows; every piece has its own sums for gain and bias, which the caller adds up in order.</summary>
internal unsafe struct LayerNormBackwardWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public RowPieces Pieces;
    public int Width;
    public float Epsilon;
    public T* Input;
    public float* Gain;
    public T* OutputGradient;

    /// <summary>Null when it is not wanted.</summary>
    public T* InputGradient;

    /// <summary>Gain and bias sums of every piece, each <see cref="Stride"/> long.</summary>
    public float* Sums;

    /// <summary>Three fp32 rows per thread.</summary>
    public float* RowBuffers;
    public long Stride;

    public readonly void Execute(int item, int thread)
    {
        float* input = RowBuffers + (3 * thread * Stride);
        float* outputGradient = input + Stride;
        float* inputGradient = outputGradient + Stride;
        float* gainSum = Sums + (2 * item * Stride);
        float* biasSum = gainSum + Stride;
        new Span<float>(gainSum, (int)(2 * Stride)).Clear();
        for (long row = Pieces.Begin(item); row < Pieces.End(item); row++)
        {
            float* x = ElementRows<T>.AsSingle(Input + (row * Width), input, Width);
            float* dy = ElementRows<T>.AsSingle(OutputGradient + (row * Width), outputGradient, Width);
            (float mean, float scale) = RowNorm<TSimd, TVector>.Moments(x, Width, Epsilon);
            RowNorm<TSimd, TVector>.Backward(x, Width, mean, scale, Gain, dy, inputGradient, gainSum, biasSum);
            if (InputGradient != null)
            {
                ElementRows<T>.Narrow(inputGradient, InputGradient + (row * Width), Width);
            }
        }
    }
}

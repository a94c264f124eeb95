namespace LongSeqKernels;

/// <summary>Normalises pieces of the rows.</summary>
internal unsafe struct LayerNormWork<T, TSimd, TVector> : IParallelWork
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows that are normalised at a time.</summary>
    public const int BufferRows = RowNorm<TSimd, TVector>.BlockRows;

    public RowPieces Pieces;
    public int Width;
    public float Epsilon;
    public T* Input;
    public float* Gain;
    public float* Bias;
    public T* Output;

    /// <summary><see cref="BufferRows"/> fp32 rows per thread, each <see cref="Stride"/> long.</summary>
    public float* RowBuffers;
    public long Stride;

    public readonly void Execute(int item, int thread)
    {
        float* buffer = RowBuffers + (thread * Stride * BufferRows);
        float* means = stackalloc float[BufferRows];
        float* scales = stackalloc float[BufferRows];
        for (long row = Pieces.Begin(item); row < Pieces.End(item); row += BufferRows)
        {
            int rows = (int)Math.Min(BufferRows, Pieces.End(item) - row);
            T* output = Output + (row * Width);
            float* x = ElementRows<T>.AsSingle(Input + (row * Width), buffer, rows * Width);
            RowNorm<TSimd, TVector>.Moments(x, Width, rows, Width, Epsilon, means, scales);
            float* y = typeof(T) == typeof(float) ? (float*)output : x;
            RowNorm<TSimd, TVector>.Normalise(x, Width, rows, Width, means, scales, Gain, Bias, y, Width);
            if (typeof(T) != typeof(float))
            {
                ElementRows<T>.Narrow(y, output, rows * Width);
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
    /// <summary>Rows that are walked back at a time.</summary>
    public const int BufferRows = RowNorm<TSimd, TVector>.BlockRows;

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

    /// <summary>Three times <see cref="BufferRows"/> fp32 rows per thread.</summary>
    public float* RowBuffers;
    public long Stride;

    public readonly void Execute(int item, int thread)
    {
        float* input = RowBuffers + (3 * BufferRows * thread * Stride);
        float* outputGradient = input + (BufferRows * Stride);
        float* buffer = outputGradient + (BufferRows * Stride);
        float* gainSum = Sums + (2 * item * Stride);
        float* biasSum = gainSum + Stride;
        float* means = stackalloc float[BufferRows];
        float* scales = stackalloc float[BufferRows];
        new Span<float>(gainSum, (int)(2 * Stride)).Clear();
        for (long row = Pieces.Begin(item); row < Pieces.End(item); row += BufferRows)
        {
            int rows = (int)Math.Min(BufferRows, Pieces.End(item) - row);
            float* x = ElementRows<T>.AsSingle(Input + (row * Width), input, rows * Width);
            float* dy = ElementRows<T>.AsSingle(OutputGradient + (row * Width), outputGradient, rows * Width);
            float* dx = typeof(T) == typeof(float) && InputGradient != null ? (float*)InputGradient + (row * Width) : buffer;
            RowNorm<TSimd, TVector>.Moments(x, Width, rows, Width, Epsilon, means, scales);
            RowNorm<TSimd, TVector>.Backward(x, Width, rows, Width, means, scales, Gain, dy, dx, Width, gainSum, biasSum);
            if (InputGradient != null && dx == buffer)
            {
                ElementRows<T>.Narrow(buffer, InputGradient + (row * Width), rows * Width);
            }
        }
    }
}

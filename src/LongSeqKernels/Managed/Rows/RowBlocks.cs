using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>Blocks of rows between a strided tensor of a storage type and aligned fp32 scratch, whose rows end in zeros up to whole vectors of 16.</summary>
internal static unsafe class RowBlocks<T, TSimd, TVector>
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Reads a block.</summary>
    /// <param name="source">First element of the first row.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows to read.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="target">Aligned to 64 bytes, as is its stride.</param>
    /// <param name="targetStride">From a row to the next, at least the padded width.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load(T* source, long sourceStride, int rows, int width, float* target, nint targetStride)
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, source += sourceStride, target += targetStride)
        {
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                TSimd.StoreAligned(SimdMath.Load<TSimd, TVector, T>(source + i), target + i);
            }
            for (; i < width; i++)
            {
                target[i] = Element<T>.ToSingle(source[i]);
            }
            for (; i < padded; i++)
            {
                target[i] = 0;
            }
        }
    }

    /// <summary>A block as fp32 rows that a product reads number by number: fp32 rows where they lie, others in <paramref name="target"/>.</summary>
    /// <param name="source">First element of the first row.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows to read.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="target">Aligned to 64 bytes, as is its stride.</param>
    /// <param name="targetStride">From a row to the next, at least the padded width.</param>
    /// <param name="stride">From a row of the result to the next.</param>
    public static float* AsSingle(T* source, int sourceStride, int rows, int width, float* target, int targetStride, out int stride)
    {
        if (typeof(T) == typeof(float) && Panels.IsStride(sourceStride))
        {
            stride = sourceStride;
            return (float*)source;
        }
        Load(source, sourceStride, rows, width, target, targetStride);
        stride = targetStride;
        return target;
    }

    /// <summary>Reads a block and multiplies every row with its factor.</summary>
    /// <param name="source">First element of the first row.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows to read.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="factors">One for each row.</param>
    /// <param name="target">Aligned to 64 bytes, as is its stride.</param>
    /// <param name="targetStride">From a row to the next, at least the padded width.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadScaled(T* source, long sourceStride, int rows, int width, float* factors, float* target, nint targetStride)
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, source += sourceStride, target += targetStride)
        {
            TVector factor = TSimd.Create(factors[row]);
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                TSimd.StoreAligned(TSimd.Multiply(SimdMath.Load<TSimd, TVector, T>(source + i), factor), target + i);
            }
            for (; i < width; i++)
            {
                target[i] = Element<T>.ToSingle(source[i]) * factors[row];
            }
            for (; i < padded; i++)
            {
                target[i] = 0;
            }
        }
    }

    /// <summary>Stores a block, rounded.</summary>
    /// <param name="source">Aligned to 64 bytes, as is its stride.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows to store.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="target">First element of the first row.</param>
    /// <param name="targetStride">From a row to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(float* source, nint sourceStride, int rows, int width, T* target, long targetStride)
    {
        for (int row = 0; row < rows; row++, source += sourceStride, target += targetStride)
        {
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                SimdMath.Store<TSimd, TVector, T>(TSimd.LoadAligned(source + i), target + i);
            }
            for (; i < width; i++)
            {
                target[i] = Element<T>.FromSingle(source[i]);
            }
        }
    }
}

using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>Stores fp32 results in the caller's tensors.</summary>
internal static unsafe class RowStore<T, TSimd, TVector>
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary><c>output = result + bias</c>, or <c>output += result + bias</c>.</summary>
    /// <param name="result">fp32 row.</param>
    /// <param name="bias">fp32 row, or null for none.</param>
    /// <param name="output">The caller's row.</param>
    /// <param name="columns">Elements of the row.</param>
    /// <param name="mode">Overwrite or add.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(float* result, float* bias, T* output, int columns, OutputMode mode)
    {
        bool add = mode == OutputMode.Add;
        int i = 0;
        for (; i + TSimd.Count <= columns; i += TSimd.Count)
        {
            TVector value = TSimd.Load(result + i);
            value = bias == null ? value : TSimd.Add(value, TSimd.Load(bias + i));
            value = add ? TSimd.Add(value, SimdMath.Load<TSimd, TVector, T>(output + i)) : value;
            SimdMath.Store<TSimd, TVector, T>(value, output + i);
        }
        for (; i < columns; i++)
        {
            float value = bias == null ? result[i] : result[i] + bias[i];
            output[i] = Element<T>.FromSingle(add ? value + Element<T>.ToSingle(output[i]) : value);
        }
    }
}

namespace LongSeqKernels;

/// <summary>Operations on aligned fp32 rows of whole vectors of 16, the surplus zero.</summary>
internal static unsafe class PaddedRows<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary><c>sum_i a[i] * b[i]</c>.</summary>
    public static float Dot(float* a, float* b, int width)
    {
        TVector even = TSimd.Zero;
        TVector odd = TSimd.Zero;
        for (int i = 0; i < width; i += 2 * TSimd.Count)
        {
            even = TSimd.MultiplyAdd(TSimd.LoadAligned(a + i), TSimd.LoadAligned(b + i), even);
            int next = i + TSimd.Count;
            if (next < width)
            {
                odd = TSimd.MultiplyAdd(TSimd.LoadAligned(a + next), TSimd.LoadAligned(b + next), odd);
            }
        }
        return TSimd.Sum(TSimd.Add(even, odd));
    }

    /// <summary><c>target += factor * source</c>.</summary>
    public static void AddScaled(float* target, float factor, float* source, int width)
    {
        TVector scale = TSimd.Create(factor);
        for (int i = 0; i < width; i += TSimd.Count)
        {
            TSimd.StoreAligned(TSimd.MultiplyAdd(scale, TSimd.LoadAligned(source + i), TSimd.LoadAligned(target + i)), target + i);
        }
    }

    /// <summary><c>target = factor * source</c>.</summary>
    public static void Scale(float* target, float factor, float* source, int width)
    {
        TVector scale = TSimd.Create(factor);
        for (int i = 0; i < width; i += TSimd.Count)
        {
            TSimd.StoreAligned(TSimd.Multiply(scale, TSimd.LoadAligned(source + i)), target + i);
        }
    }
}

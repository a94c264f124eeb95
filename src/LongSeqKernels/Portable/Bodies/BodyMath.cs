namespace LongSeqKernels.Portable;

/// <summary>What kernel bodies share: dot products, activations with their derivatives, the search for a row's segment.</summary>
public static class BodyMath
{
    /// <summary><c>sum_i a[aStart + i] * b[bStart + i]</c> in four interleaved sums, which halves the digits that one running sum loses.</summary>
    public static float Dot<TLeft, TRight>(TLeft a, long aStart, TRight b, long bStart, int width)
        where TLeft : struct, IReadView, allows ref struct
        where TRight : struct, IReadView, allows ref struct
    {
        float sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
        int i = 0;
        for (; i + 3 < width; i += 4)
        {
            sum0 += a.Get(aStart + i) * b.Get(bStart + i);
            sum1 += a.Get(aStart + i + 1) * b.Get(bStart + i + 1);
            sum2 += a.Get(aStart + i + 2) * b.Get(bStart + i + 2);
            sum3 += a.Get(aStart + i + 3) * b.Get(bStart + i + 3);
        }
        for (; i < width; i++)
        {
            sum0 += a.Get(aStart + i) * b.Get(bStart + i);
        }
        return (sum0 + sum1) + (sum2 + sum3);
    }

    /// <summary>The logistic function; exact limits for large magnitudes.</summary>
    public static float Sigmoid(float x) => 1f / (1f + MathF.Exp(-x));

    /// <summary><c>x * sigmoid(x)</c>.</summary>
    public static float Silu(float x) => x / (1f + MathF.Exp(-x));

    /// <summary>The derivative of <see cref="Silu"/>.</summary>
    public static float SiluDerivative(float x)
    {
        float s = Sigmoid(x);
        return s * (1f + (x * (1f - s)));
    }

    /// <summary>tanh(x), relative error below 3e-7. Not MathF.Tanh: compiled for a GPU that is an instruction that is good to three digits.</summary>
    public static float Tanh(float x)
    {
        // 1 - 2 / (e^2x + 1) loses the digits of small x; there an odd polynomial takes over.
        if (MathF.Abs(x) >= 0.625f)
        {
            return 1f - (2f / (MathF.Exp(2f * x) + 1f));
        }
        float square = x * x;
        float p = -5.70498872745e-3f;
        p = (p * square) + 2.06390887954e-2f;
        p = (p * square) - 5.37397155531e-2f;
        p = (p * square) + 1.33314422036e-1f;
        p = (p * square) - 3.33332819422e-1f;
        return (p * square * x) + x;
    }

    /// <summary>An activation of linear attention.</summary>
    public static float Activate(LinearActivation activation, float x)
    {
        if (activation == LinearActivation.Silu)
        {
            return Silu(x);
        }
        return activation == LinearActivation.ShiftedElu && x < 1f ? MathF.Exp(x - 1f) : x;
    }

    /// <summary>The derivative of <see cref="Activate"/>.</summary>
    public static float ActivateDerivative(LinearActivation activation, float x)
    {
        if (activation == LinearActivation.Silu)
        {
            return SiluDerivative(x);
        }
        return activation == LinearActivation.ShiftedElu && x < 1f ? MathF.Exp(x - 1f) : 1f;
    }

    /// <summary>The segment that owns <paramref name="row"/>: the last one that starts at or before it (empty segments before it own nothing).</summary>
    public static int SegmentOf<TIndices>(TIndices offsets, long row)
        where TIndices : struct, IIndexView, allows ref struct
    {
        int low = 0;
        int high = (int)offsets.Length - 1; // offsets[high] is above row
        while (high - low > 1)
        {
            int middle = (low + high) >> 1;
            if (offsets.Get(middle) <= row)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }
}

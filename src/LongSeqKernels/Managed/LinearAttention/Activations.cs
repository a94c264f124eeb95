using System.Runtime.CompilerServices;
using LongSeqKernels.Portable;

namespace LongSeqKernels;

/// <summary>The activations of linear attention over vectors and over rows.</summary>
internal static unsafe class Activations<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>phi(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply(LinearActivation activation, TVector x)
    {
        if (activation == LinearActivation.Silu)
        {
            return TSimd.Multiply(x, SimdMath.Sigmoid<TSimd, TVector>(x));
        }
        if (activation == LinearActivation.Identity)
        {
            return x;
        }
        TVector one = TSimd.Create(1f);
        return TSimd.Select(TSimd.Less(x, one), SimdMath.Exp<TSimd, TVector>(TSimd.Subtract(x, one)), x);
    }

    /// <summary>phi(x) and phi'(x), which share their exponential.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector Value, TVector Derivative) Both(LinearActivation activation, TVector x)
    {
        TVector one = TSimd.Create(1f);
        if (activation == LinearActivation.Silu)
        {
            TVector sigmoid = SimdMath.Sigmoid<TSimd, TVector>(x);
            return (TSimd.Multiply(x, sigmoid), TSimd.Multiply(sigmoid, TSimd.MultiplyAdd(x, TSimd.Subtract(one, sigmoid), one)));
        }
        if (activation == LinearActivation.Identity)
        {
            return (x, one);
        }
        TVector below = TSimd.Less(x, one);
        TVector power = SimdMath.Exp<TSimd, TVector>(TSimd.Subtract(x, one));
        return (TSimd.Select(below, power, x), TSimd.Select(below, power, one));
    }

    /// <summary>Replaces a block of rows by its activations, and by zeros beyond its width.</summary>
    /// <param name="activation">Which.</param>
    /// <param name="block">Aligned to 64 bytes, rows padded to whole vectors of 16.</param>
    /// <param name="stride">From a row to the next.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="width">Elements of a row.</param>
    public static void ApplyToRows(LinearActivation activation, float* block, int stride, int rows, int width)
    {
        if (activation == LinearActivation.Identity)
        {
            return;
        }
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, block += stride)
        {
            for (int i = 0; i < padded; i += TSimd.Count)
            {
                TSimd.StoreAligned(Apply(activation, TSimd.LoadAligned(block + i)), block + i);
            }
            new Span<float>(block + width, padded - width).Clear();
        }
    }

    /// <summary>The activations of a block of rows, and their derivatives in its place.</summary>
    /// <param name="activation">Which.</param>
    /// <param name="block">In: x; out: phi'(x). Aligned to 64 bytes, rows padded to whole vectors of 16.</param>
    /// <param name="activated">phi(x), zeros beyond the width; laid out as the block.</param>
    /// <param name="stride">From a row to the next.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="width">Elements of a row.</param>
    public static void ApplyWithDerivative(LinearActivation activation, float* block, float* activated, int stride, int rows, int width)
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, block += stride, activated += stride)
        {
            for (int i = 0; i < padded; i += TSimd.Count)
            {
                (TVector value, TVector derivative) = Both(activation, TSimd.LoadAligned(block + i));
                TSimd.StoreAligned(value, activated + i);
                TSimd.StoreAligned(derivative, block + i);
            }
            new Span<float>(activated + width, padded - width).Clear();
        }
    }

    /// <summary><c>target *= factors</c> over a block of rows.</summary>
    public static void Multiply(float* target, float* factors, int stride, int rows, int width)
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, target += stride, factors += stride)
        {
            for (int i = 0; i < padded; i += TSimd.Count)
            {
                TSimd.StoreAligned(TSimd.Multiply(TSimd.LoadAligned(target + i), TSimd.LoadAligned(factors + i)), target + i);
            }
        }
    }

    /// <summary><c>phi(scale * x)</c> of a row of any alignment.</summary>
    public static void ApplyScaled(LinearActivation activation, float scale, float* source, float* target, int width)
    {
        TVector factor = TSimd.Create(scale);
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TSimd.Store(Apply(activation, TSimd.Multiply(factor, TSimd.Load(source + i))), target + i);
        }
        for (; i < width; i++)
        {
            target[i] = BodyMath.Activate(activation, scale * source[i]);
        }
    }

    /// <summary><c>target += gradient * scale * phi'(scale * x)</c> over rows of any alignment.</summary>
    public static void AddScaledDerivative(LinearActivation activation, float scale, float* x, float* gradient, float* target, int width)
    {
        TVector factor = TSimd.Create(scale);
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector derivative = TSimd.Multiply(factor, Both(activation, TSimd.Multiply(factor, TSimd.Load(x + i))).Derivative);
            TSimd.Store(TSimd.MultiplyAdd(TSimd.Load(gradient + i), derivative, TSimd.Load(target + i)), target + i);
        }
        for (; i < width; i++)
        {
            target[i] += gradient[i] * scale * BodyMath.ActivateDerivative(activation, scale * x[i]);
        }
    }
}

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
            return SimdMath.Silu<TSimd, TVector>(x);
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

    /// <summary>Reads a block of rows and activates it; zeros follow its width up to whole vectors of 16.</summary>
    /// <param name="activation">Which.</param>
    /// <param name="source">The first row.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="activated">Result, aligned to 64 bytes, as is its stride.</param>
    /// <param name="stride">From a row to the next, at least the padded width.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load<T>(LinearActivation activation, T* source, long sourceStride, int rows, int width, float* activated, int stride)
        where T : unmanaged
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, source += sourceStride, activated += stride)
        {
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                TSimd.StoreAligned(Apply(activation, SimdMath.Load<TSimd, TVector, T>(source + i)), activated + i);
            }
            for (; i < width; i++)
            {
                activated[i] = BodyMath.Activate(activation, Element<T>.ToSingle(source[i]));
            }
            for (; i < padded; i++)
            {
                activated[i] = 0;
            }
        }
    }

    /// <summary>Reads a block of rows, activates it and keeps the derivatives beside.</summary>
    /// <inheritdoc cref="Load"/>
    /// <param name="activation">Which.</param>
    /// <param name="source">The first row.</param>
    /// <param name="sourceStride">From a row to the next.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="activated">Result, aligned to 64 bytes, as is its stride.</param>
    /// <param name="derivatives">Result, laid out as <paramref name="activated"/>.</param>
    /// <param name="stride">From a row to the next, at least the padded width.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadWithDerivatives<T>(
        LinearActivation activation, T* source, long sourceStride, int rows, int width, float* activated, float* derivatives, int stride)
        where T : unmanaged
    {
        int padded = Panels.Pad(width);
        for (int row = 0; row < rows; row++, source += sourceStride, activated += stride, derivatives += stride)
        {
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                (TVector value, TVector derivative) = Both(activation, SimdMath.Load<TSimd, TVector, T>(source + i));
                TSimd.StoreAligned(value, activated + i);
                TSimd.StoreAligned(derivative, derivatives + i);
            }
            for (; i < width; i++)
            {
                activated[i] = BodyMath.Activate(activation, Element<T>.ToSingle(source[i]));
                derivatives[i] = BodyMath.ActivateDerivative(activation, Element<T>.ToSingle(source[i]));
            }
            for (; i < padded; i++)
            {
                activated[i] = derivatives[i] = 0;
            }
        }
    }

    /// <summary>Stores a block of gradients times the derivatives of what they are gradients of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreProducts<T>(float* gradients, float* derivatives, int stride, int rows, int width, T* target, long targetStride)
        where T : unmanaged
    {
        for (int row = 0; row < rows; row++, gradients += stride, derivatives += stride, target += targetStride)
        {
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                SimdMath.Store<TSimd, TVector, T>(TSimd.Multiply(TSimd.LoadAligned(gradients + i), TSimd.LoadAligned(derivatives + i)), target + i);
            }
            for (; i < width; i++)
            {
                target[i] = Element<T>.FromSingle(gradients[i] * derivatives[i]);
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

using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>The element-wise middle of a gated FFN, <c>h = (u + b_u) * silu(g + b_g)</c>, over tiles whose lanes are whole vectors of 16.</summary>
internal static unsafe class GatedUnit<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Computes h from tiles of u and g without biases.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* u, float* g, int stride, float* upBias, float* gateBias, int rows, int lanes, float* h, int strideH)
    {
        for (int lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector upShift = TSimd.Load(upBias + lane);
            TVector gateShift = TSimd.Load(gateBias + lane);
            for (int row = 0; row < rows; row++)
            {
                TVector up = TSimd.Add(TSimd.Load(u + (row * stride) + lane), upShift);
                TVector gate = TSimd.Add(TSimd.Load(g + (row * stride) + lane), gateShift);
                TSimd.Store(TSimd.Multiply(up, SimdMath.Silu<TSimd, TVector>(gate)), h + ((long)row * strideH) + lane);
            }
        }
    }

    /// <summary>Adds the biases to u and g in place and computes h; all three <paramref name="stride"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardKeeping(float* u, float* g, int stride, float* upBias, float* gateBias, int rows, int lanes, float* h)
    {
        for (int row = 0; row < rows; row++, u += stride, g += stride, h += stride)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Count)
            {
                TVector up = TSimd.Add(TSimd.Load(u + lane), TSimd.Load(upBias + lane));
                TVector gate = TSimd.Add(TSimd.Load(g + lane), TSimd.Load(gateBias + lane));
                TSimd.Store(up, u + lane);
                TSimd.Store(gate, g + lane);
                TSimd.Store(TSimd.Multiply(up, SimdMath.Silu<TSimd, TVector>(gate)), h + lane);
            }
        }
    }

    /// <summary>
    /// Replaces u and g by their gradients: <c>du = dh silu(g)</c>, <c>dg = dh u silu'(g)</c>, <c>silu'(g) = s + g s (1 - s)</c> with s = sigmoid(g).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* dh, int strideTile, float* u, float* g, int stride, int rows, int lanes)
    {
        TVector one = TSimd.Create(1f);
        for (int row = 0; row < rows; row++, dh += strideTile, u += stride, g += stride)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Count)
            {
                TVector gradient = TSimd.Load(dh + lane);
                TVector up = TSimd.Load(u + lane);
                TVector gate = TSimd.Load(g + lane);
                TVector sigmoid = SimdMath.Sigmoid<TSimd, TVector>(gate);
                TVector silu = TSimd.Multiply(gate, sigmoid);
                TVector slope = TSimd.MultiplyAdd(silu, TSimd.Subtract(one, sigmoid), sigmoid);
                TSimd.Store(TSimd.Multiply(gradient, silu), u + lane);
                TSimd.Store(TSimd.Multiply(TSimd.Multiply(gradient, up), slope), g + lane);
            }
        }
    }
}

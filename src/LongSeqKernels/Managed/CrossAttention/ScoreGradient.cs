using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// The element-wise part of attention's backward over a block <c>[keys, lanes]</c>: from logits and the gradients of weights to weights and the gradients of
/// logits, in place. Lanes without a row, and rows that see nothing, get zeros.
/// </summary>
internal static unsafe class ScoreGradient<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Softmax: <c>w = 2^(s - lse)</c>, <c>ds = w (dw - delta)</c>.</summary>
    /// <param name="scores">Logits in units of log2; then the weights.</param>
    /// <param name="gradients">Gradients of the weights; then of the logits.</param>
    /// <param name="keys">Keys of the block.</param>
    /// <param name="lanes">A multiple of 16.</param>
    /// <param name="logSumExp">Per lane in units of log2, infinity for a row that sees nothing.</param>
    /// <param name="logSumExpRest">Per lane, to be added to it.</param>
    /// <param name="delta">Per lane: sum of output times its gradient, less the gradient of the LSE.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* scores, float* gradients, nint keys, nint lanes, float* logSumExp, float* logSumExpRest, float* delta)
    {
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector subtrahend = TSimd.LoadAligned(logSumExp + lane);
            TVector rest = TSimd.LoadAligned(logSumExpRest + lane);
            TVector mean = TSimd.LoadAligned(delta + lane);
            float* score = scores + lane;
            float* gradient = gradients + lane;
            for (nint i = 0; i < keys; i++, score += lanes, gradient += lanes)
            {
                TVector weight = TSimd.Exp2(TSimd.Subtract(TSimd.Subtract(TSimd.LoadAligned(score), subtrahend), rest));
                TSimd.StoreAligned(weight, score);
                TSimd.StoreAligned(TSimd.Multiply(weight, TSimd.Subtract(TSimd.LoadAligned(gradient), mean)), gradient);
            }
        }
    }

    /// <summary>SiLU: <c>w = x sigmoid(x) / n</c>, <c>dx = dw (s + x s (1 - s)) / n</c> with s = sigmoid(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Silu(float* scores, float* gradients, nint keys, nint lanes, float* inverseDivisor)
    {
        TVector one = TSimd.Create(1f);
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector factor = TSimd.LoadAligned(inverseDivisor + lane);
            float* score = scores + lane;
            float* gradient = gradients + lane;
            for (nint i = 0; i < keys; i++, score += lanes, gradient += lanes)
            {
                TVector x = TSimd.LoadAligned(score);
                TVector sigmoid = SimdMath.Sigmoid<TSimd, TVector>(x);
                TVector silu = TSimd.Multiply(x, sigmoid);
                TVector slope = TSimd.MultiplyAdd(silu, TSimd.Subtract(one, sigmoid), sigmoid);
                TSimd.StoreAligned(TSimd.Multiply(silu, factor), score);
                TSimd.StoreAligned(TSimd.Multiply(TSimd.Multiply(TSimd.LoadAligned(gradient), slope), factor), gradient);
            }
        }
    }

    /// <summary>Identity: <c>w = x / n</c>, <c>dx = dw / n</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Identity(float* scores, float* gradients, nint keys, nint lanes, float* inverseDivisor)
    {
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector factor = TSimd.LoadAligned(inverseDivisor + lane);
            for (nint i = lane; i < keys * lanes; i += lanes)
            {
                TSimd.StoreAligned(TSimd.Multiply(TSimd.LoadAligned(scores + i), factor), scores + i);
                TSimd.StoreAligned(TSimd.Multiply(TSimd.LoadAligned(gradients + i), factor), gradients + i);
            }
        }
    }

    /// <summary>The slope of the soft cap at consecutive scores before the cap, <c>1 - tanh(x / c)^2</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CapSlope(float* scores, float* slopes, nint count, float cap)
    {
        TVector inverse = TSimd.Create(1 / cap);
        TVector one = TSimd.Create(1f);
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            TVector tanh = SimdMath.Tanh<TSimd, TVector>(TSimd.Multiply(TSimd.LoadAligned(scores + i), inverse));
            TSimd.StoreAligned(TSimd.Subtract(one, TSimd.Multiply(tanh, tanh)), slopes + i);
        }
    }

    /// <summary><c>gradients *= slopes</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyBy(float* gradients, float* slopes, nint count)
    {
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            TSimd.StoreAligned(TSimd.Multiply(TSimd.LoadAligned(gradients + i), TSimd.LoadAligned(slopes + i)), gradients + i);
        }
    }

    /// <summary>Adds to each key's bias gradient the gradients of its logits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddToBias(float* gradients, nint keys, nint lanes, float* biasGradient)
    {
        for (nint i = 0; i < keys; i++, gradients += lanes)
        {
            TVector sum = TSimd.Zero;
            for (nint lane = 0; lane < lanes; lane += TSimd.Count)
            {
                sum = TSimd.Add(sum, TSimd.LoadAligned(gradients + lane));
            }
            biasGradient[i] += TSimd.Sum(sum);
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>The weights of the parts of a few rows, whose lanes they are.</summary>
internal static unsafe class PartWeights<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows at a time.</summary>
    public const int Rows = 16;

    /// <summary>
    /// Computes <c>w_p = exp(lse_p) / sum exp(lse_p)</c> from a maximum and a sum that keeps what its additions round off: weights taken from the rounded
    /// LSE, or many of them added in fp32, would not sum to 1.
    /// </summary>
    /// <param name="logSumExps">Of the first row in the first part.</param>
    /// <param name="stride">From a part to the next.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="rows">Rows, at most <see cref="Rows"/>.</param>
    /// <param name="weights">Result, <c>[parts, Rows]</c>, aligned; 0 for an empty part.</param>
    /// <param name="logSumExp">Result, one for each row.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute(float* logSumExps, long stride, int parts, int rows, float* weights, float* logSumExp)
    {
        for (int p = 0; p < parts; p++)
        {
            var row = new Span<float>(weights + (p * Rows), Rows);
            new ReadOnlySpan<float>(logSumExps + (p * stride), rows).CopyTo(row);
            row[rows..].Fill(float.NegativeInfinity);
        }
        float* merged = stackalloc float[2 * Rows];
        for (int lane = 0; lane < Rows; lane += TSimd.Count)
        {
            TVector maximum = TSimd.Create(float.NegativeInfinity);
            for (int p = 0; p < parts; p++)
            {
                maximum = TSimd.Max(TSimd.LoadAligned(weights + (p * Rows) + lane), maximum);
            }
            TVector subtrahend = ScoreBlock<TSimd, TVector>.Subtrahend(maximum);
            TVector sum = TSimd.Zero;
            TVector lost = TSimd.Zero;
            for (int p = 0; p < parts; p++)
            {
                TVector term = SimdMath.Exp<TSimd, TVector>(TSimd.Subtract(TSimd.LoadAligned(weights + (p * Rows) + lane), subtrahend));
                TSimd.StoreAligned(term, weights + (p * Rows) + lane);
                TVector next = TSimd.Add(sum, term);
                TVector added = TSimd.Subtract(next, sum);
                lost = TSimd.Add(lost, TSimd.Add(TSimd.Subtract(sum, TSimd.Subtract(next, added)), TSimd.Subtract(term, added)));
                sum = next;
            }
            sum = TSimd.Add(sum, lost);
            // The largest term is 1. Where every part is empty, the sum is 0 and so are the weights.
            TVector divisor = TSimd.Max(TSimd.Create(1f), sum);
            for (int p = 0; p < parts; p++)
            {
                TSimd.StoreAligned(TSimd.Divide(TSimd.LoadAligned(weights + (p * Rows) + lane), divisor), weights + (p * Rows) + lane);
            }
            TSimd.Store(maximum, merged + lane);
            TSimd.Store(sum, merged + Rows + lane);
        }
        // The logarithm of 0 is -infinity, which is what no part leaves as the maximum.
        (Vector512.Log(Vector512.Load(merged + Rows)) + Vector512.Load(merged)).Store(merged);
        new ReadOnlySpan<float>(merged, rows).CopyTo(new Span<float>(logSumExp, rows));
    }
}

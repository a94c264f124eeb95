using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// The register-tiled product of rows with a panel, <c>C[i, lane] = sum_x A[i, x] * B[x, lane]</c>: scores of attention (A the keys, B the transposed
/// queries) and plain matrix products (A the activations, B packed weights).
/// </summary>
/// <remarks>
/// A is read one number at a time and broadcast, so it needs neither packing nor alignment. B is a panel of vectors. A tile keeps 24 (or 12)
/// accumulators in registers, which hides the latency of the multiply-adds and loads at most 10 operands per 24 of them (the 16 x 1 tile 19); 6 x 4 tiles
/// of 16 lanes reach 98 % of the peak where 4 x 4 ones stop at 75 %. Every accumulator has a name because the JIT keeps no array in registers.
/// </remarks>
internal static unsafe partial class RowTile<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Multiplies without prefetching.</summary>
    /// <inheritdoc cref="Multiply(nint, nint, nint, float*, nint, float*, nint, float*, nint, OutputMode, byte*, nint)"/>
    public static void Multiply(nint rows, nint depth, nint lanes, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode) =>
        Multiply(rows, depth, lanes, a, lda, b, ldb, c, ldc, mode, (byte*)b, 0);

    /// <summary>How many cache lines a call asks for, near enough to spread a region over it.</summary>
    public static nint PrefetchSteps(nint rows, nint depth, nint lanes) =>
        TSimd.HasManyRegisters && lanes % (4 * TSimd.Count) != 0 ? rows / 16 * (lanes / TSimd.Count) * depth
        : rows / 6 * (lanes / ((TSimd.HasManyRegisters ? 4 : 2) * TSimd.Count)) * depth;

    /// <summary>Multiplies, and asks for one cache line at every step of the innermost loop.</summary>
    /// <param name="rows">Rows i of A and C.</param>
    /// <param name="depth">Extent of x, the columns of A and the rows of B.</param>
    /// <param name="lanes">Columns of B and C: a multiple of 16.</param>
    /// <param name="a">A, any alignment.</param>
    /// <param name="lda">From a row of A to the next, in floats.</param>
    /// <param name="b">B, any alignment; best aligned to 64 bytes, as <paramref name="ldb"/> then is.</param>
    /// <param name="ldb">From a row of B to the next: <paramref name="lanes"/> for a packed panel.</param>
    /// <param name="c">C, any alignment.</param>
    /// <param name="ldc">From a row of C to the next.</param>
    /// <param name="mode">Whether C is overwritten or added to.</param>
    /// <param name="prefetch">First address to ask for.</param>
    /// <param name="prefetchStep">Bytes from one to the next.</param>
    public static void Multiply(
        nint rows, nint depth, nint lanes, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint lane = 0;
        if (TSimd.HasManyRegisters)
        {
            // Two or three rows beyond tiles of 6 and the last of these make two tiles of 4.
            nint sixes = rows >= 8 && (rows % 6) is (2 or 3) ? rows - (rows % 6) - 6 : rows - (rows % 6);
            for (; lane + (4 * TSimd.Count) <= lanes; lane += 4 * TSimd.Count)
            {
                nint i = 0;
                for (; i < sixes; i += 6, prefetch += depth * prefetchStep)
                {
                    Tile6x4(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, prefetchStep);
                }
                for (; i + 4 <= rows; i += 4)
                {
                    Tile4x4(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, 0);
                }
                for (; i < rows; i++)
                {
                    Tile1x4(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, 0);
                }
            }
            for (; lane + TSimd.Count <= lanes; lane += TSimd.Count)
            {
                nint i = 0;
                for (; i + 16 <= rows; i += 16, prefetch += depth * prefetchStep)
                {
                    Tile16x1(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, prefetchStep);
                }
                for (; i + 4 <= rows; i += 4)
                {
                    Tile4x1(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, 0);
                }
                for (; i < rows; i++)
                {
                    Tile1x1(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, 0);
                }
            }
            return;
        }
        for (; lane < lanes; lane += 2 * TSimd.Count)
        {
            nint i = 0;
            for (; i + 6 <= rows; i += 6, prefetch += depth * prefetchStep)
            {
                Tile6x2(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, prefetchStep);
            }
            for (; i < rows; i++)
            {
                Tile1x2(depth, a + (i * lda), lda, b + lane, ldb, c + (i * ldc) + lane, ldc, mode, prefetch, 0);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x4(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        float* a1 = a + lda;
        float* a2 = a + (2 * lda);
        float* a3 = a + (3 * lda);
        float* a4 = a + (4 * lda);
        float* a5 = a + (5 * lda);
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero, c03 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero, c13 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero, c22 = TSimd.Zero, c23 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c32 = TSimd.Zero, c33 = TSimd.Zero;
        TVector c40 = TSimd.Zero, c41 = TSimd.Zero, c42 = TSimd.Zero, c43 = TSimd.Zero;
        TVector c50 = TSimd.Zero, c51 = TSimd.Zero, c52 = TSimd.Zero, c53 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + count);
            TVector b2 = TSimd.Load(b + (2 * count));
            TVector b3 = TSimd.Load(b + (3 * count));
            TVector s0 = TSimd.Create(a[x]);
            c00 = TSimd.MultiplyAdd(s0, b0, c00);
            c01 = TSimd.MultiplyAdd(s0, b1, c01);
            c02 = TSimd.MultiplyAdd(s0, b2, c02);
            c03 = TSimd.MultiplyAdd(s0, b3, c03);
            TVector s1 = TSimd.Create(a1[x]);
            c10 = TSimd.MultiplyAdd(s1, b0, c10);
            c11 = TSimd.MultiplyAdd(s1, b1, c11);
            c12 = TSimd.MultiplyAdd(s1, b2, c12);
            c13 = TSimd.MultiplyAdd(s1, b3, c13);
            TVector s2 = TSimd.Create(a2[x]);
            c20 = TSimd.MultiplyAdd(s2, b0, c20);
            c21 = TSimd.MultiplyAdd(s2, b1, c21);
            c22 = TSimd.MultiplyAdd(s2, b2, c22);
            c23 = TSimd.MultiplyAdd(s2, b3, c23);
            TVector s3 = TSimd.Create(a3[x]);
            c30 = TSimd.MultiplyAdd(s3, b0, c30);
            c31 = TSimd.MultiplyAdd(s3, b1, c31);
            c32 = TSimd.MultiplyAdd(s3, b2, c32);
            c33 = TSimd.MultiplyAdd(s3, b3, c33);
            TVector s4 = TSimd.Create(a4[x]);
            c40 = TSimd.MultiplyAdd(s4, b0, c40);
            c41 = TSimd.MultiplyAdd(s4, b1, c41);
            c42 = TSimd.MultiplyAdd(s4, b2, c42);
            c43 = TSimd.MultiplyAdd(s4, b3, c43);
            TVector s5 = TSimd.Create(a5[x]);
            c50 = TSimd.MultiplyAdd(s5, b0, c50);
            c51 = TSimd.MultiplyAdd(s5, b1, c51);
            c52 = TSimd.MultiplyAdd(s5, b2, c52);
            c53 = TSimd.MultiplyAdd(s5, b3, c53);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c00 = TSimd.Add(TSimd.Load(c), c00);
            c01 = TSimd.Add(TSimd.Load(c + count), c01);
            c02 = TSimd.Add(TSimd.Load(c + (2 * count)), c02);
            c03 = TSimd.Add(TSimd.Load(c + (3 * count)), c03);
            c10 = TSimd.Add(TSimd.Load(c + ldc), c10);
            c11 = TSimd.Add(TSimd.Load(c + ldc + count), c11);
            c12 = TSimd.Add(TSimd.Load(c + ldc + (2 * count)), c12);
            c13 = TSimd.Add(TSimd.Load(c + ldc + (3 * count)), c13);
            c20 = TSimd.Add(TSimd.Load(c + (2 * ldc)), c20);
            c21 = TSimd.Add(TSimd.Load(c + (2 * ldc) + count), c21);
            c22 = TSimd.Add(TSimd.Load(c + (2 * ldc) + (2 * count)), c22);
            c23 = TSimd.Add(TSimd.Load(c + (2 * ldc) + (3 * count)), c23);
            c30 = TSimd.Add(TSimd.Load(c + (3 * ldc)), c30);
            c31 = TSimd.Add(TSimd.Load(c + (3 * ldc) + count), c31);
            c32 = TSimd.Add(TSimd.Load(c + (3 * ldc) + (2 * count)), c32);
            c33 = TSimd.Add(TSimd.Load(c + (3 * ldc) + (3 * count)), c33);
            c40 = TSimd.Add(TSimd.Load(c + (4 * ldc)), c40);
            c41 = TSimd.Add(TSimd.Load(c + (4 * ldc) + count), c41);
            c42 = TSimd.Add(TSimd.Load(c + (4 * ldc) + (2 * count)), c42);
            c43 = TSimd.Add(TSimd.Load(c + (4 * ldc) + (3 * count)), c43);
            c50 = TSimd.Add(TSimd.Load(c + (5 * ldc)), c50);
            c51 = TSimd.Add(TSimd.Load(c + (5 * ldc) + count), c51);
            c52 = TSimd.Add(TSimd.Load(c + (5 * ldc) + (2 * count)), c52);
            c53 = TSimd.Add(TSimd.Load(c + (5 * ldc) + (3 * count)), c53);
        }
        TSimd.Store(c00, c);
        TSimd.Store(c01, c + count);
        TSimd.Store(c02, c + (2 * count));
        TSimd.Store(c03, c + (3 * count));
        TSimd.Store(c10, c + ldc);
        TSimd.Store(c11, c + ldc + count);
        TSimd.Store(c12, c + ldc + (2 * count));
        TSimd.Store(c13, c + ldc + (3 * count));
        TSimd.Store(c20, c + (2 * ldc));
        TSimd.Store(c21, c + (2 * ldc) + count);
        TSimd.Store(c22, c + (2 * ldc) + (2 * count));
        TSimd.Store(c23, c + (2 * ldc) + (3 * count));
        TSimd.Store(c30, c + (3 * ldc));
        TSimd.Store(c31, c + (3 * ldc) + count);
        TSimd.Store(c32, c + (3 * ldc) + (2 * count));
        TSimd.Store(c33, c + (3 * ldc) + (3 * count));
        TSimd.Store(c40, c + (4 * ldc));
        TSimd.Store(c41, c + (4 * ldc) + count);
        TSimd.Store(c42, c + (4 * ldc) + (2 * count));
        TSimd.Store(c43, c + (4 * ldc) + (3 * count));
        TSimd.Store(c50, c + (5 * ldc));
        TSimd.Store(c51, c + (5 * ldc) + count);
        TSimd.Store(c52, c + (5 * ldc) + (2 * count));
        TSimd.Store(c53, c + (5 * ldc) + (3 * count));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x4(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        float* a1 = a + lda;
        float* a2 = a + (2 * lda);
        float* a3 = a + (3 * lda);
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero, c03 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero, c13 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero, c22 = TSimd.Zero, c23 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c32 = TSimd.Zero, c33 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + count);
            TVector b2 = TSimd.Load(b + (2 * count));
            TVector b3 = TSimd.Load(b + (3 * count));
            TVector s0 = TSimd.Create(a[x]);
            c00 = TSimd.MultiplyAdd(s0, b0, c00);
            c01 = TSimd.MultiplyAdd(s0, b1, c01);
            c02 = TSimd.MultiplyAdd(s0, b2, c02);
            c03 = TSimd.MultiplyAdd(s0, b3, c03);
            TVector s1 = TSimd.Create(a1[x]);
            c10 = TSimd.MultiplyAdd(s1, b0, c10);
            c11 = TSimd.MultiplyAdd(s1, b1, c11);
            c12 = TSimd.MultiplyAdd(s1, b2, c12);
            c13 = TSimd.MultiplyAdd(s1, b3, c13);
            TVector s2 = TSimd.Create(a2[x]);
            c20 = TSimd.MultiplyAdd(s2, b0, c20);
            c21 = TSimd.MultiplyAdd(s2, b1, c21);
            c22 = TSimd.MultiplyAdd(s2, b2, c22);
            c23 = TSimd.MultiplyAdd(s2, b3, c23);
            TVector s3 = TSimd.Create(a3[x]);
            c30 = TSimd.MultiplyAdd(s3, b0, c30);
            c31 = TSimd.MultiplyAdd(s3, b1, c31);
            c32 = TSimd.MultiplyAdd(s3, b2, c32);
            c33 = TSimd.MultiplyAdd(s3, b3, c33);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c00 = TSimd.Add(TSimd.Load(c), c00);
            c01 = TSimd.Add(TSimd.Load(c + count), c01);
            c02 = TSimd.Add(TSimd.Load(c + (2 * count)), c02);
            c03 = TSimd.Add(TSimd.Load(c + (3 * count)), c03);
            c10 = TSimd.Add(TSimd.Load(c + ldc), c10);
            c11 = TSimd.Add(TSimd.Load(c + ldc + count), c11);
            c12 = TSimd.Add(TSimd.Load(c + ldc + (2 * count)), c12);
            c13 = TSimd.Add(TSimd.Load(c + ldc + (3 * count)), c13);
            c20 = TSimd.Add(TSimd.Load(c + (2 * ldc)), c20);
            c21 = TSimd.Add(TSimd.Load(c + (2 * ldc) + count), c21);
            c22 = TSimd.Add(TSimd.Load(c + (2 * ldc) + (2 * count)), c22);
            c23 = TSimd.Add(TSimd.Load(c + (2 * ldc) + (3 * count)), c23);
            c30 = TSimd.Add(TSimd.Load(c + (3 * ldc)), c30);
            c31 = TSimd.Add(TSimd.Load(c + (3 * ldc) + count), c31);
            c32 = TSimd.Add(TSimd.Load(c + (3 * ldc) + (2 * count)), c32);
            c33 = TSimd.Add(TSimd.Load(c + (3 * ldc) + (3 * count)), c33);
        }
        TSimd.Store(c00, c);
        TSimd.Store(c01, c + count);
        TSimd.Store(c02, c + (2 * count));
        TSimd.Store(c03, c + (3 * count));
        TSimd.Store(c10, c + ldc);
        TSimd.Store(c11, c + ldc + count);
        TSimd.Store(c12, c + ldc + (2 * count));
        TSimd.Store(c13, c + ldc + (3 * count));
        TSimd.Store(c20, c + (2 * ldc));
        TSimd.Store(c21, c + (2 * ldc) + count);
        TSimd.Store(c22, c + (2 * ldc) + (2 * count));
        TSimd.Store(c23, c + (2 * ldc) + (3 * count));
        TSimd.Store(c30, c + (3 * ldc));
        TSimd.Store(c31, c + (3 * ldc) + count);
        TSimd.Store(c32, c + (3 * ldc) + (2 * count));
        TSimd.Store(c33, c + (3 * ldc) + (3 * count));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x4(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero, c03 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + count);
            TVector b2 = TSimd.Load(b + (2 * count));
            TVector b3 = TSimd.Load(b + (3 * count));
            TVector s0 = TSimd.Create(a[x]);
            c00 = TSimd.MultiplyAdd(s0, b0, c00);
            c01 = TSimd.MultiplyAdd(s0, b1, c01);
            c02 = TSimd.MultiplyAdd(s0, b2, c02);
            c03 = TSimd.MultiplyAdd(s0, b3, c03);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c00 = TSimd.Add(TSimd.Load(c), c00);
            c01 = TSimd.Add(TSimd.Load(c + count), c01);
            c02 = TSimd.Add(TSimd.Load(c + (2 * count)), c02);
            c03 = TSimd.Add(TSimd.Load(c + (3 * count)), c03);
        }
        TSimd.Store(c00, c);
        TSimd.Store(c01, c + count);
        TSimd.Store(c02, c + (2 * count));
        TSimd.Store(c03, c + (3 * count));
    }
}

using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Tiles of one vector of lanes, and those for few registers.
internal static unsafe partial class RowTile<TSimd, TVector>
{
    /// <remarks>
    /// A multiply-add needs one number of A, so two loads a cycle would be all that the tile does. Every other row is loaded two numbers at a time, which shuffles take apart on units that
    /// multiply-adds leave free: three loads for four multiply-adds, a seventh faster than four.
    /// </remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile16x1(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        float* a0 = a;
        float* a4 = a + (4 * lda);
        float* a8 = a + (8 * lda);
        float* a12 = a + (12 * lda);
        nint lda2 = 2 * lda;
        nint lda3 = 3 * lda;
        TVector c0 = TSimd.Zero;
        TVector c1 = TSimd.Zero;
        TVector c2 = TSimd.Zero;
        TVector c3 = TSimd.Zero;
        TVector c4 = TSimd.Zero;
        TVector c5 = TSimd.Zero;
        TVector c6 = TSimd.Zero;
        TVector c7 = TSimd.Zero;
        TVector c8 = TSimd.Zero;
        TVector c9 = TSimd.Zero;
        TVector c10 = TSimd.Zero;
        TVector c11 = TSimd.Zero;
        TVector c12 = TSimd.Zero;
        TVector c13 = TSimd.Zero;
        TVector c14 = TSimd.Zero;
        TVector c15 = TSimd.Zero;
        nint x = 0;
        for (; x + 2 <= depth; x += 2)
        {
            TSimd.PrefetchFar(prefetch);
            TSimd.PrefetchFar(prefetch + prefetchStep);
            prefetch += 2 * prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + ldb);
            TVector pair0 = TSimd.CreatePair(a0 + x);
            c0 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair0), b0, c0);
            c0 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair0), b1, c0);
            c1 = TSimd.MultiplyAdd(TSimd.Create(a0[x + lda]), b0, c1);
            c1 = TSimd.MultiplyAdd(TSimd.Create(a0[x + 1 + lda]), b1, c1);
            TVector pair2 = TSimd.CreatePair(a0 + x + lda2);
            c2 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair2), b0, c2);
            c2 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair2), b1, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a0[x + lda3]), b0, c3);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a0[x + 1 + lda3]), b1, c3);
            TVector pair4 = TSimd.CreatePair(a4 + x);
            c4 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair4), b0, c4);
            c4 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair4), b1, c4);
            c5 = TSimd.MultiplyAdd(TSimd.Create(a4[x + lda]), b0, c5);
            c5 = TSimd.MultiplyAdd(TSimd.Create(a4[x + 1 + lda]), b1, c5);
            TVector pair6 = TSimd.CreatePair(a4 + x + lda2);
            c6 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair6), b0, c6);
            c6 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair6), b1, c6);
            c7 = TSimd.MultiplyAdd(TSimd.Create(a4[x + lda3]), b0, c7);
            c7 = TSimd.MultiplyAdd(TSimd.Create(a4[x + 1 + lda3]), b1, c7);
            TVector pair8 = TSimd.CreatePair(a8 + x);
            c8 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair8), b0, c8);
            c8 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair8), b1, c8);
            c9 = TSimd.MultiplyAdd(TSimd.Create(a8[x + lda]), b0, c9);
            c9 = TSimd.MultiplyAdd(TSimd.Create(a8[x + 1 + lda]), b1, c9);
            TVector pair10 = TSimd.CreatePair(a8 + x + lda2);
            c10 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair10), b0, c10);
            c10 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair10), b1, c10);
            c11 = TSimd.MultiplyAdd(TSimd.Create(a8[x + lda3]), b0, c11);
            c11 = TSimd.MultiplyAdd(TSimd.Create(a8[x + 1 + lda3]), b1, c11);
            TVector pair12 = TSimd.CreatePair(a12 + x);
            c12 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair12), b0, c12);
            c12 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair12), b1, c12);
            c13 = TSimd.MultiplyAdd(TSimd.Create(a12[x + lda]), b0, c13);
            c13 = TSimd.MultiplyAdd(TSimd.Create(a12[x + 1 + lda]), b1, c13);
            TVector pair14 = TSimd.CreatePair(a12 + x + lda2);
            c14 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair14), b0, c14);
            c14 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair14), b1, c14);
            c15 = TSimd.MultiplyAdd(TSimd.Create(a12[x + lda3]), b0, c15);
            c15 = TSimd.MultiplyAdd(TSimd.Create(a12[x + 1 + lda3]), b1, c15);
            b += 2 * ldb;
        }
        if (x < depth)
        {
            TVector b0 = TSimd.Load(b);
            c0 = TSimd.MultiplyAdd(TSimd.Create(a0[x]), b0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.Create(a0[x + lda]), b0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.Create(a0[x + lda2]), b0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a0[x + lda3]), b0, c3);
            c4 = TSimd.MultiplyAdd(TSimd.Create(a4[x]), b0, c4);
            c5 = TSimd.MultiplyAdd(TSimd.Create(a4[x + lda]), b0, c5);
            c6 = TSimd.MultiplyAdd(TSimd.Create(a4[x + lda2]), b0, c6);
            c7 = TSimd.MultiplyAdd(TSimd.Create(a4[x + lda3]), b0, c7);
            c8 = TSimd.MultiplyAdd(TSimd.Create(a8[x]), b0, c8);
            c9 = TSimd.MultiplyAdd(TSimd.Create(a8[x + lda]), b0, c9);
            c10 = TSimd.MultiplyAdd(TSimd.Create(a8[x + lda2]), b0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.Create(a8[x + lda3]), b0, c11);
            c12 = TSimd.MultiplyAdd(TSimd.Create(a12[x]), b0, c12);
            c13 = TSimd.MultiplyAdd(TSimd.Create(a12[x + lda]), b0, c13);
            c14 = TSimd.MultiplyAdd(TSimd.Create(a12[x + lda2]), b0, c14);
            c15 = TSimd.MultiplyAdd(TSimd.Create(a12[x + lda3]), b0, c15);
        }
        if (mode == OutputMode.Add)
        {
            c0 = TSimd.Add(TSimd.Load(c), c0);
            c1 = TSimd.Add(TSimd.Load(c + ldc), c1);
            c2 = TSimd.Add(TSimd.Load(c + (2 * ldc)), c2);
            c3 = TSimd.Add(TSimd.Load(c + (3 * ldc)), c3);
            c4 = TSimd.Add(TSimd.Load(c + (4 * ldc)), c4);
            c5 = TSimd.Add(TSimd.Load(c + (5 * ldc)), c5);
            c6 = TSimd.Add(TSimd.Load(c + (6 * ldc)), c6);
            c7 = TSimd.Add(TSimd.Load(c + (7 * ldc)), c7);
            c8 = TSimd.Add(TSimd.Load(c + (8 * ldc)), c8);
            c9 = TSimd.Add(TSimd.Load(c + (9 * ldc)), c9);
            c10 = TSimd.Add(TSimd.Load(c + (10 * ldc)), c10);
            c11 = TSimd.Add(TSimd.Load(c + (11 * ldc)), c11);
            c12 = TSimd.Add(TSimd.Load(c + (12 * ldc)), c12);
            c13 = TSimd.Add(TSimd.Load(c + (13 * ldc)), c13);
            c14 = TSimd.Add(TSimd.Load(c + (14 * ldc)), c14);
            c15 = TSimd.Add(TSimd.Load(c + (15 * ldc)), c15);
        }
        TSimd.Store(c0, c);
        TSimd.Store(c1, c + ldc);
        TSimd.Store(c2, c + (2 * ldc));
        TSimd.Store(c3, c + (3 * ldc));
        TSimd.Store(c4, c + (4 * ldc));
        TSimd.Store(c5, c + (5 * ldc));
        TSimd.Store(c6, c + (6 * ldc));
        TSimd.Store(c7, c + (7 * ldc));
        TSimd.Store(c8, c + (8 * ldc));
        TSimd.Store(c9, c + (9 * ldc));
        TSimd.Store(c10, c + (10 * ldc));
        TSimd.Store(c11, c + (11 * ldc));
        TSimd.Store(c12, c + (12 * ldc));
        TSimd.Store(c13, c + (13 * ldc));
        TSimd.Store(c14, c + (14 * ldc));
        TSimd.Store(c15, c + (15 * ldc));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x1(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        float* a1 = a + lda;
        float* a2 = a + (2 * lda);
        float* a3 = a + (3 * lda);
        TVector c0 = TSimd.Zero;
        TVector c1 = TSimd.Zero;
        TVector c2 = TSimd.Zero;
        TVector c3 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            c0 = TSimd.MultiplyAdd(TSimd.Create(a[x]), b0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.Create(a1[x]), b0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.Create(a2[x]), b0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a3[x]), b0, c3);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c0 = TSimd.Add(TSimd.Load(c), c0);
            c1 = TSimd.Add(TSimd.Load(c + ldc), c1);
            c2 = TSimd.Add(TSimd.Load(c + (2 * ldc)), c2);
            c3 = TSimd.Add(TSimd.Load(c + (3 * ldc)), c3);
        }
        TSimd.Store(c0, c);
        TSimd.Store(c1, c + ldc);
        TSimd.Store(c2, c + (2 * ldc));
        TSimd.Store(c3, c + (3 * ldc));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x1(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        TVector c0 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            c0 = TSimd.MultiplyAdd(TSimd.Create(a[x]), b0, c0);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c0 = TSimd.Add(TSimd.Load(c), c0);
        }
        TSimd.Store(c0, c);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x2(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        float* a1 = a + lda;
        float* a2 = a + (2 * lda);
        float* a3 = a + (3 * lda);
        float* a4 = a + (4 * lda);
        float* a5 = a + (5 * lda);
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero;
        TVector c40 = TSimd.Zero, c41 = TSimd.Zero;
        TVector c50 = TSimd.Zero, c51 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + count);
            TVector s0 = TSimd.Create(a[x]);
            c00 = TSimd.MultiplyAdd(s0, b0, c00);
            c01 = TSimd.MultiplyAdd(s0, b1, c01);
            TVector s1 = TSimd.Create(a1[x]);
            c10 = TSimd.MultiplyAdd(s1, b0, c10);
            c11 = TSimd.MultiplyAdd(s1, b1, c11);
            TVector s2 = TSimd.Create(a2[x]);
            c20 = TSimd.MultiplyAdd(s2, b0, c20);
            c21 = TSimd.MultiplyAdd(s2, b1, c21);
            TVector s3 = TSimd.Create(a3[x]);
            c30 = TSimd.MultiplyAdd(s3, b0, c30);
            c31 = TSimd.MultiplyAdd(s3, b1, c31);
            TVector s4 = TSimd.Create(a4[x]);
            c40 = TSimd.MultiplyAdd(s4, b0, c40);
            c41 = TSimd.MultiplyAdd(s4, b1, c41);
            TVector s5 = TSimd.Create(a5[x]);
            c50 = TSimd.MultiplyAdd(s5, b0, c50);
            c51 = TSimd.MultiplyAdd(s5, b1, c51);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c00 = TSimd.Add(TSimd.Load(c), c00);
            c01 = TSimd.Add(TSimd.Load(c + count), c01);
            c10 = TSimd.Add(TSimd.Load(c + ldc), c10);
            c11 = TSimd.Add(TSimd.Load(c + ldc + count), c11);
            c20 = TSimd.Add(TSimd.Load(c + (2 * ldc)), c20);
            c21 = TSimd.Add(TSimd.Load(c + (2 * ldc) + count), c21);
            c30 = TSimd.Add(TSimd.Load(c + (3 * ldc)), c30);
            c31 = TSimd.Add(TSimd.Load(c + (3 * ldc) + count), c31);
            c40 = TSimd.Add(TSimd.Load(c + (4 * ldc)), c40);
            c41 = TSimd.Add(TSimd.Load(c + (4 * ldc) + count), c41);
            c50 = TSimd.Add(TSimd.Load(c + (5 * ldc)), c50);
            c51 = TSimd.Add(TSimd.Load(c + (5 * ldc) + count), c51);
        }
        TSimd.Store(c00, c);
        TSimd.Store(c01, c + count);
        TSimd.Store(c10, c + ldc);
        TSimd.Store(c11, c + ldc + count);
        TSimd.Store(c20, c + (2 * ldc));
        TSimd.Store(c21, c + (2 * ldc) + count);
        TSimd.Store(c30, c + (3 * ldc));
        TSimd.Store(c31, c + (3 * ldc) + count);
        TSimd.Store(c40, c + (4 * ldc));
        TSimd.Store(c41, c + (4 * ldc) + count);
        TSimd.Store(c50, c + (5 * ldc));
        TSimd.Store(c51, c + (5 * ldc) + count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x2(nint depth, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, OutputMode mode, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        for (nint x = 0; x < depth; x++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + count);
            TVector s0 = TSimd.Create(a[x]);
            c00 = TSimd.MultiplyAdd(s0, b0, c00);
            c01 = TSimd.MultiplyAdd(s0, b1, c01);
            b += ldb;
        }
        if (mode == OutputMode.Add)
        {
            c00 = TSimd.Add(TSimd.Load(c), c00);
            c01 = TSimd.Add(TSimd.Load(c + count), c01);
        }
        TSimd.Store(c00, c);
        TSimd.Store(c01, c + count);
    }
}

using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// The register-tiled product of a transposed matrix with a panel, <c>C[j, lane] = C[j, lane] * factors[lane] + sum_i A[i, j] * P[i, lane]</c>: the values
/// weighted by attention (A the values, P the weights, factors the running rescale), and products that sum over rows.
/// </summary>
/// <remarks>
/// The sum over i starts at zero in every call and is added to C once: the rounding error depends on the length of a call, not on the number of
/// calls. Tiles are 8 x 2 and 16 x 1 vectors with many registers, 6 x 2 otherwise; see <see cref="RowTile{TSimd, TVector}"/>.
/// </remarks>
internal static unsafe class ColumnTile<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Multiplies without prefetching.</summary>
    /// <inheritdoc cref="Multiply(nint, nint, nint, float*, nint, float*, nint, float*, nint, float*, byte*, nint)"/>
    public static void Multiply(nint columns, nint depth, nint lanes, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors) =>
        Multiply(columns, depth, lanes, a, lda, p, ldp, c, ldc, factors, (byte*)p, 0);

    /// <summary>How many cache lines a call asks for, near enough to spread a region over it.</summary>
    public static nint PrefetchSteps(nint columns, nint depth, nint lanes) =>
        !TSimd.HasManyRegisters ? columns / 6 * (lanes / (2 * TSimd.Count)) * depth
        : lanes < 2 * TSimd.Count ? columns / 16 * depth
        : columns / 8 * (lanes / (2 * TSimd.Count)) * depth;

    /// <summary>Multiplies, and asks for one cache line at every step of the innermost loop.</summary>
    /// <param name="columns">Columns j of A, rows of C.</param>
    /// <param name="depth">Extent of i, the rows of A and of P.</param>
    /// <param name="lanes">Columns of P and C: a multiple of 16.</param>
    /// <param name="a">A, any alignment.</param>
    /// <param name="lda">From a row of A to the next, in floats.</param>
    /// <param name="p">P, aligned to 64 bytes, as is <paramref name="ldp"/>.</param>
    /// <param name="ldp">From a row of P to the next.</param>
    /// <param name="c">C, aligned to 64 bytes, as is <paramref name="ldc"/>.</param>
    /// <param name="ldc">From a row of C to the next.</param>
    /// <param name="factors">One factor per lane for the old C; null overwrites C.</param>
    /// <param name="prefetch">First address to ask for.</param>
    /// <param name="prefetchStep">Bytes from one to the next.</param>
    public static void Multiply(
        nint columns, nint depth, nint lanes, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint paired = lanes - (lanes % (2 * TSimd.Count));
        nint j = 0;
        if (TSimd.HasManyRegisters)
        {
            for (; j + 8 <= columns; j += 8)
            {
                for (nint lane = 0; lane < paired; lane += 2 * TSimd.Count, prefetch += depth * prefetchStep)
                {
                    Tile8x2(depth, a + j, lda, p + lane, ldp, c + (j * ldc) + lane, ldc, factors == null ? null : factors + lane, prefetch, prefetchStep);
                }
            }
        }
        else
        {
            // Tiles of 6 leave 0, 2 or 4 columns of an even number; tiles of 4 take them up without a narrow rest.
            nint sixes = columns % 6 == 2 && columns >= 8 ? columns - 8 : columns - (columns % 6);
            for (; j < sixes; j += 6)
            {
                for (nint lane = 0; lane < paired; lane += 2 * TSimd.Count, prefetch += depth * prefetchStep)
                {
                    Tile6x2(depth, a + j, lda, p + lane, ldp, c + (j * ldc) + lane, ldc, factors == null ? null : factors + lane, prefetch, prefetchStep);
                }
            }
        }
        for (; j + 4 <= columns; j += 4)
        {
            for (nint lane = 0; lane < paired; lane += 2 * TSimd.Count)
            {
                Tile4x2(depth, a + j, lda, p + lane, ldp, c + (j * ldc) + lane, ldc, factors == null ? null : factors + lane, prefetch, 0);
            }
        }
        for (; j < columns; j++)
        {
            for (nint lane = 0; lane < paired; lane += 2 * TSimd.Count)
            {
                Tile1x2(depth, a + j, lda, p + lane, ldp, c + (j * ldc) + lane, ldc, factors == null ? null : factors + lane, prefetch, 0);
            }
        }
        if (paired < lanes)
        {
            MultiplyVector(columns, depth, a, lda, p + paired, ldp, c + paired, ldc, factors == null ? null : factors + paired, prefetch, prefetchStep);
        }
    }

    /// <summary>The one vector of lanes that pairs leave, or all of a narrow panel.</summary>
    private static void MultiplyVector(
        nint columns, nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint j = 0;
        for (; j + 16 <= columns; j += 16, prefetch += depth * prefetchStep)
        {
            Tile16x1(depth, a + j, lda, p, ldp, c + (j * ldc), ldc, factors, prefetch, prefetchStep);
        }
        for (; j + 4 <= columns; j += 4)
        {
            Tile4x1(depth, a + j, lda, p, ldp, c + (j * ldc), ldc, factors, prefetch, 0);
        }
        for (; j < columns; j++)
        {
            Tile1x1(depth, a + j, lda, p, ldp, c + (j * ldc), ldc, factors, prefetch, 0);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8x2(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero;
        TVector c40 = TSimd.Zero, c41 = TSimd.Zero;
        TVector c50 = TSimd.Zero, c51 = TSimd.Zero;
        TVector c60 = TSimd.Zero, c61 = TSimd.Zero;
        TVector c70 = TSimd.Zero, c71 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            TVector p1 = TSimd.LoadAligned(p + count);
            TVector s0 = TSimd.Create(a[0]);
            c00 = TSimd.MultiplyAdd(s0, p0, c00);
            c01 = TSimd.MultiplyAdd(s0, p1, c01);
            TVector s1 = TSimd.Create(a[1]);
            c10 = TSimd.MultiplyAdd(s1, p0, c10);
            c11 = TSimd.MultiplyAdd(s1, p1, c11);
            TVector s2 = TSimd.Create(a[2]);
            c20 = TSimd.MultiplyAdd(s2, p0, c20);
            c21 = TSimd.MultiplyAdd(s2, p1, c21);
            TVector s3 = TSimd.Create(a[3]);
            c30 = TSimd.MultiplyAdd(s3, p0, c30);
            c31 = TSimd.MultiplyAdd(s3, p1, c31);
            TVector s4 = TSimd.Create(a[4]);
            c40 = TSimd.MultiplyAdd(s4, p0, c40);
            c41 = TSimd.MultiplyAdd(s4, p1, c41);
            TVector s5 = TSimd.Create(a[5]);
            c50 = TSimd.MultiplyAdd(s5, p0, c50);
            c51 = TSimd.MultiplyAdd(s5, p1, c51);
            TVector s6 = TSimd.Create(a[6]);
            c60 = TSimd.MultiplyAdd(s6, p0, c60);
            c61 = TSimd.MultiplyAdd(s6, p1, c61);
            TVector s7 = TSimd.Create(a[7]);
            c70 = TSimd.MultiplyAdd(s7, p0, c70);
            c71 = TSimd.MultiplyAdd(s7, p1, c71);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            TVector f1 = TSimd.LoadAligned(factors + count);
            c00 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c00);
            c01 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + count), f1, c01);
            c10 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc), f0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc + count), f1, c11);
            c20 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc)), f0, c20);
            c21 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc) + count), f1, c21);
            c30 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc)), f0, c30);
            c31 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc) + count), f1, c31);
            c40 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (4 * ldc)), f0, c40);
            c41 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (4 * ldc) + count), f1, c41);
            c50 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (5 * ldc)), f0, c50);
            c51 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (5 * ldc) + count), f1, c51);
            c60 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (6 * ldc)), f0, c60);
            c61 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (6 * ldc) + count), f1, c61);
            c70 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (7 * ldc)), f0, c70);
            c71 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (7 * ldc) + count), f1, c71);
        }
        TSimd.StoreAligned(c00, c);
        TSimd.StoreAligned(c01, c + count);
        TSimd.StoreAligned(c10, c + ldc);
        TSimd.StoreAligned(c11, c + ldc + count);
        TSimd.StoreAligned(c20, c + (2 * ldc));
        TSimd.StoreAligned(c21, c + (2 * ldc) + count);
        TSimd.StoreAligned(c30, c + (3 * ldc));
        TSimd.StoreAligned(c31, c + (3 * ldc) + count);
        TSimd.StoreAligned(c40, c + (4 * ldc));
        TSimd.StoreAligned(c41, c + (4 * ldc) + count);
        TSimd.StoreAligned(c50, c + (5 * ldc));
        TSimd.StoreAligned(c51, c + (5 * ldc) + count);
        TSimd.StoreAligned(c60, c + (6 * ldc));
        TSimd.StoreAligned(c61, c + (6 * ldc) + count);
        TSimd.StoreAligned(c70, c + (7 * ldc));
        TSimd.StoreAligned(c71, c + (7 * ldc) + count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x2(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            TVector p1 = TSimd.LoadAligned(p + count);
            TVector s0 = TSimd.Create(a[0]);
            c00 = TSimd.MultiplyAdd(s0, p0, c00);
            c01 = TSimd.MultiplyAdd(s0, p1, c01);
            TVector s1 = TSimd.Create(a[1]);
            c10 = TSimd.MultiplyAdd(s1, p0, c10);
            c11 = TSimd.MultiplyAdd(s1, p1, c11);
            TVector s2 = TSimd.Create(a[2]);
            c20 = TSimd.MultiplyAdd(s2, p0, c20);
            c21 = TSimd.MultiplyAdd(s2, p1, c21);
            TVector s3 = TSimd.Create(a[3]);
            c30 = TSimd.MultiplyAdd(s3, p0, c30);
            c31 = TSimd.MultiplyAdd(s3, p1, c31);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            TVector f1 = TSimd.LoadAligned(factors + count);
            c00 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c00);
            c01 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + count), f1, c01);
            c10 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc), f0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc + count), f1, c11);
            c20 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc)), f0, c20);
            c21 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc) + count), f1, c21);
            c30 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc)), f0, c30);
            c31 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc) + count), f1, c31);
        }
        TSimd.StoreAligned(c00, c);
        TSimd.StoreAligned(c01, c + count);
        TSimd.StoreAligned(c10, c + ldc);
        TSimd.StoreAligned(c11, c + ldc + count);
        TSimd.StoreAligned(c20, c + (2 * ldc));
        TSimd.StoreAligned(c21, c + (2 * ldc) + count);
        TSimd.StoreAligned(c30, c + (3 * ldc));
        TSimd.StoreAligned(c31, c + (3 * ldc) + count);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x2(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            TVector p1 = TSimd.LoadAligned(p + count);
            TVector s0 = TSimd.Create(a[0]);
            c00 = TSimd.MultiplyAdd(s0, p0, c00);
            c01 = TSimd.MultiplyAdd(s0, p1, c01);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            TVector f1 = TSimd.LoadAligned(factors + count);
            c00 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c00);
            c01 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + count), f1, c01);
        }
        TSimd.StoreAligned(c00, c);
        TSimd.StoreAligned(c01, c + count);
    }

    /// <remarks>Half of the numbers of A come in pairs; see the same tile of <see cref="RowTile{TSimd, TVector}"/>.</remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile16x1(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
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
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            TVector pair0 = TSimd.CreatePair(a + 0);
            c0 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair0), p0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair0), p0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.Create(a[2]), p0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a[3]), p0, c3);
            TVector pair4 = TSimd.CreatePair(a + 4);
            c4 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair4), p0, c4);
            c5 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair4), p0, c5);
            c6 = TSimd.MultiplyAdd(TSimd.Create(a[6]), p0, c6);
            c7 = TSimd.MultiplyAdd(TSimd.Create(a[7]), p0, c7);
            TVector pair8 = TSimd.CreatePair(a + 8);
            c8 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair8), p0, c8);
            c9 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair8), p0, c9);
            c10 = TSimd.MultiplyAdd(TSimd.Create(a[10]), p0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.Create(a[11]), p0, c11);
            TVector pair12 = TSimd.CreatePair(a + 12);
            c12 = TSimd.MultiplyAdd(TSimd.DuplicateEven(pair12), p0, c12);
            c13 = TSimd.MultiplyAdd(TSimd.DuplicateOdd(pair12), p0, c13);
            c14 = TSimd.MultiplyAdd(TSimd.Create(a[14]), p0, c14);
            c15 = TSimd.MultiplyAdd(TSimd.Create(a[15]), p0, c15);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            c0 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc), f0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc)), f0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc)), f0, c3);
            c4 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (4 * ldc)), f0, c4);
            c5 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (5 * ldc)), f0, c5);
            c6 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (6 * ldc)), f0, c6);
            c7 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (7 * ldc)), f0, c7);
            c8 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (8 * ldc)), f0, c8);
            c9 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (9 * ldc)), f0, c9);
            c10 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (10 * ldc)), f0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (11 * ldc)), f0, c11);
            c12 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (12 * ldc)), f0, c12);
            c13 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (13 * ldc)), f0, c13);
            c14 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (14 * ldc)), f0, c14);
            c15 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (15 * ldc)), f0, c15);
        }
        TSimd.StoreAligned(c0, c);
        TSimd.StoreAligned(c1, c + ldc);
        TSimd.StoreAligned(c2, c + (2 * ldc));
        TSimd.StoreAligned(c3, c + (3 * ldc));
        TSimd.StoreAligned(c4, c + (4 * ldc));
        TSimd.StoreAligned(c5, c + (5 * ldc));
        TSimd.StoreAligned(c6, c + (6 * ldc));
        TSimd.StoreAligned(c7, c + (7 * ldc));
        TSimd.StoreAligned(c8, c + (8 * ldc));
        TSimd.StoreAligned(c9, c + (9 * ldc));
        TSimd.StoreAligned(c10, c + (10 * ldc));
        TSimd.StoreAligned(c11, c + (11 * ldc));
        TSimd.StoreAligned(c12, c + (12 * ldc));
        TSimd.StoreAligned(c13, c + (13 * ldc));
        TSimd.StoreAligned(c14, c + (14 * ldc));
        TSimd.StoreAligned(c15, c + (15 * ldc));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x1(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        TVector c0 = TSimd.Zero;
        TVector c1 = TSimd.Zero;
        TVector c2 = TSimd.Zero;
        TVector c3 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            c0 = TSimd.MultiplyAdd(TSimd.Create(a[0]), p0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.Create(a[1]), p0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.Create(a[2]), p0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Create(a[3]), p0, c3);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            c0 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc), f0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc)), f0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc)), f0, c3);
        }
        TSimd.StoreAligned(c0, c);
        TSimd.StoreAligned(c1, c + ldc);
        TSimd.StoreAligned(c2, c + (2 * ldc));
        TSimd.StoreAligned(c3, c + (3 * ldc));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x1(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        TVector c0 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            c0 = TSimd.MultiplyAdd(TSimd.Create(a[0]), p0, c0);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            c0 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c0);
        }
        TSimd.StoreAligned(c0, c);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x2(nint depth, float* a, nint lda, float* p, nint ldp, float* c, nint ldc, float* factors, byte* prefetch, nint prefetchStep)
    {
        nint count = TSimd.Count;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero;
        TVector c40 = TSimd.Zero, c41 = TSimd.Zero;
        TVector c50 = TSimd.Zero, c51 = TSimd.Zero;
        for (nint i = 0; i < depth; i++)
        {
            TSimd.PrefetchFar(prefetch);
            prefetch += prefetchStep;
            TVector p0 = TSimd.LoadAligned(p);
            TVector p1 = TSimd.LoadAligned(p + count);
            TVector s0 = TSimd.Create(a[0]);
            c00 = TSimd.MultiplyAdd(s0, p0, c00);
            c01 = TSimd.MultiplyAdd(s0, p1, c01);
            TVector s1 = TSimd.Create(a[1]);
            c10 = TSimd.MultiplyAdd(s1, p0, c10);
            c11 = TSimd.MultiplyAdd(s1, p1, c11);
            TVector s2 = TSimd.Create(a[2]);
            c20 = TSimd.MultiplyAdd(s2, p0, c20);
            c21 = TSimd.MultiplyAdd(s2, p1, c21);
            TVector s3 = TSimd.Create(a[3]);
            c30 = TSimd.MultiplyAdd(s3, p0, c30);
            c31 = TSimd.MultiplyAdd(s3, p1, c31);
            TVector s4 = TSimd.Create(a[4]);
            c40 = TSimd.MultiplyAdd(s4, p0, c40);
            c41 = TSimd.MultiplyAdd(s4, p1, c41);
            TVector s5 = TSimd.Create(a[5]);
            c50 = TSimd.MultiplyAdd(s5, p0, c50);
            c51 = TSimd.MultiplyAdd(s5, p1, c51);
            p += ldp;
            a += lda;
        }
        if (factors != null)
        {
            TVector f0 = TSimd.LoadAligned(factors);
            TVector f1 = TSimd.LoadAligned(factors + count);
            c00 = TSimd.MultiplyAdd(TSimd.LoadAligned(c), f0, c00);
            c01 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + count), f1, c01);
            c10 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc), f0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + ldc + count), f1, c11);
            c20 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc)), f0, c20);
            c21 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (2 * ldc) + count), f1, c21);
            c30 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc)), f0, c30);
            c31 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (3 * ldc) + count), f1, c31);
            c40 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (4 * ldc)), f0, c40);
            c41 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (4 * ldc) + count), f1, c41);
            c50 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (5 * ldc)), f0, c50);
            c51 = TSimd.MultiplyAdd(TSimd.LoadAligned(c + (5 * ldc) + count), f1, c51);
        }
        TSimd.StoreAligned(c00, c);
        TSimd.StoreAligned(c01, c + count);
        TSimd.StoreAligned(c10, c + ldc);
        TSimd.StoreAligned(c11, c + ldc + count);
        TSimd.StoreAligned(c20, c + (2 * ldc));
        TSimd.StoreAligned(c21, c + (2 * ldc) + count);
        TSimd.StoreAligned(c30, c + (3 * ldc));
        TSimd.StoreAligned(c31, c + (3 * ldc) + count);
        TSimd.StoreAligned(c40, c + (4 * ldc));
        TSimd.StoreAligned(c41, c + (4 * ldc) + count);
        TSimd.StoreAligned(c50, c + (5 * ldc));
        TSimd.StoreAligned(c51, c + (5 * ldc) + count);
    }
}

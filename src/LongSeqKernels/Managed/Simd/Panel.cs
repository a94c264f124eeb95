using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>Transposes between rows in memory and panels, where a row is a lane: <c>panel[x * lanes + lane] = rows[lane * stride + x]</c>.</summary>
internal static unsafe class Panel<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Makes a panel of rows times a factor; lanes beyond the rows become zero.</summary>
    /// <param name="rows">The first row, any alignment.</param>
    /// <param name="stride">From a row to the next, in floats.</param>
    /// <param name="count">Rows: at most <paramref name="lanes"/>.</param>
    /// <param name="width">Floats of a row.</param>
    /// <param name="factor">Multiplies everything.</param>
    /// <param name="panel">Result <c>[width, lanes]</c>, aligned to 64 bytes.</param>
    /// <param name="lanes">A multiple of 16.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromRows(float* rows, nint stride, int count, int width, float factor, float* panel, int lanes)
    {
        int lane = 0;
        for (; lane + TSimd.Count <= count; lane += TSimd.Count)
        {
            FromRowGroup(rows + (lane * stride), stride, width, factor, panel + lane, lanes);
        }
        for (; lane + 4 <= count; lane += 4)
        {
            Panel<Simd128, Vector128<float>>.FromRowGroup(rows + (lane * stride), stride, width, factor, panel + lane, lanes);
        }
        for (; lane < lanes; lane++)
        {
            float* row = rows + (lane * stride);
            for (int x = 0; x < width; x++)
            {
                panel[((nint)x * lanes) + lane] = lane < count ? row[x] * factor : 0;
            }
        }
    }

    /// <summary>Writes a panel's lanes, each times its own factor, as rows.</summary>
    /// <param name="panel"><c>[width, lanes]</c>, aligned to 64 bytes.</param>
    /// <param name="lanes">A multiple of 16.</param>
    /// <param name="factors">One per lane.</param>
    /// <param name="width">Floats of a row.</param>
    /// <param name="count">Rows to write.</param>
    /// <param name="rows">The first row, any alignment.</param>
    /// <param name="stride">From a row to the next, in floats.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToRows(float* panel, int lanes, float* factors, int width, int count, float* rows, nint stride)
    {
        int lane = 0;
        for (; lane + TSimd.Count <= count; lane += TSimd.Count)
        {
            ToRowGroup(panel + lane, lanes, factors + lane, width, rows + (lane * stride), stride);
        }
        for (; lane + 4 <= count; lane += 4)
        {
            Panel<Simd128, Vector128<float>>.ToRowGroup(panel + lane, lanes, factors + lane, width, rows + (lane * stride), stride);
        }
        for (; lane < count; lane++)
        {
            for (int x = 0; x < width; x++)
            {
                rows[(lane * stride) + x] = panel[((nint)x * lanes) + lane] * factors[lane];
            }
        }
    }

    /// <summary>As many rows as a vector has lanes: four columns at a time, each vector holding four floats of every fourth row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FromRowGroup(float* rows, nint stride, int width, float factor, float* panel, nint lanes)
    {
        TVector scale = TSimd.Create(factor);
        int x = 0;
        for (; TSimd.Count == 16 && x + 16 <= width; x += 16)
        {
            TransposeSquare(rows + x, stride, scale, panel + (x * lanes), lanes);
        }
        for (; x + 4 <= width; x += 4)
        {
            float* source = rows + x;
            (TVector a, TVector b, TVector c, TVector d) = TSimd.TransposeFour(
                TSimd.LoadRowsOfFour(source, 4 * stride),
                TSimd.LoadRowsOfFour(source + stride, 4 * stride),
                TSimd.LoadRowsOfFour(source + (2 * stride), 4 * stride),
                TSimd.LoadRowsOfFour(source + (3 * stride), 4 * stride));
            float* target = panel + (x * lanes);
            TSimd.StoreAligned(TSimd.Multiply(a, scale), target);
            TSimd.StoreAligned(TSimd.Multiply(b, scale), target + lanes);
            TSimd.StoreAligned(TSimd.Multiply(c, scale), target + (2 * lanes));
            TSimd.StoreAligned(TSimd.Multiply(d, scale), target + (3 * lanes));
        }
        for (; x < width; x++)
        {
            for (int row = 0; row < TSimd.Count; row++)
            {
                panel[(x * lanes) + row] = rows[(row * stride) + x] * factor;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToRowGroup(float* panel, nint lanes, float* factors, int width, float* rows, nint stride)
    {
        TVector scale = TSimd.LoadAligned(factors);
        int x = 0;
        for (; TSimd.Count == 16 && x + 16 <= width; x += 16)
        {
            TransposeSquare(panel + (x * lanes), lanes, scale, rows + x, stride);
        }
        for (; x + 4 <= width; x += 4)
        {
            float* source = panel + (x * lanes);
            (TVector a, TVector b, TVector c, TVector d) = TSimd.TransposeFour(
                TSimd.Multiply(TSimd.LoadAligned(source), scale),
                TSimd.Multiply(TSimd.LoadAligned(source + lanes), scale),
                TSimd.Multiply(TSimd.LoadAligned(source + (2 * lanes)), scale),
                TSimd.Multiply(TSimd.LoadAligned(source + (3 * lanes)), scale));
            float* target = rows + x;
            TSimd.StoreRowsOfFour(a, target, 4 * stride);
            TSimd.StoreRowsOfFour(b, target + stride, 4 * stride);
            TSimd.StoreRowsOfFour(c, target + (2 * stride), 4 * stride);
            TSimd.StoreRowsOfFour(d, target + (3 * stride), 4 * stride);
        }
        for (; x < width; x++)
        {
            for (int row = 0; row < TSimd.Count; row++)
            {
                rows[(row * stride) + x] = panel[(x * lanes) + row] * factors[row];
            }
        }
    }

    /// <summary>Transposes 16 x 16 floats in registers; every vector is multiplied with <paramref name="factors"/> as it is read.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeSquare(float* source, nint sourceStride, TVector factors, float* target, nint targetStride)
    {
        (TVector a0, TVector b0, TVector c0, TVector d0) = TSimd.TransposeFour(
            TSimd.Multiply(TSimd.Load(source), factors),
            TSimd.Multiply(TSimd.Load(source + sourceStride), factors),
            TSimd.Multiply(TSimd.Load(source + (2 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (3 * sourceStride)), factors));
        (TVector a1, TVector b1, TVector c1, TVector d1) = TSimd.TransposeFour(
            TSimd.Multiply(TSimd.Load(source + (4 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (5 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (6 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (7 * sourceStride)), factors));
        (TVector a2, TVector b2, TVector c2, TVector d2) = TSimd.TransposeFour(
            TSimd.Multiply(TSimd.Load(source + (8 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (9 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (10 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (11 * sourceStride)), factors));
        (TVector a3, TVector b3, TVector c3, TVector d3) = TSimd.TransposeFour(
            TSimd.Multiply(TSimd.Load(source + (12 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (13 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (14 * sourceStride)), factors),
            TSimd.Multiply(TSimd.Load(source + (15 * sourceStride)), factors));
        (a0, a1, a2, a3) = TSimd.TransposeGroups(a0, a1, a2, a3);
        (b0, b1, b2, b3) = TSimd.TransposeGroups(b0, b1, b2, b3);
        (c0, c1, c2, c3) = TSimd.TransposeGroups(c0, c1, c2, c3);
        (d0, d1, d2, d3) = TSimd.TransposeGroups(d0, d1, d2, d3);
        TSimd.Store(a0, target);
        TSimd.Store(b0, target + targetStride);
        TSimd.Store(c0, target + (2 * targetStride));
        TSimd.Store(d0, target + (3 * targetStride));
        TSimd.Store(a1, target + (4 * targetStride));
        TSimd.Store(b1, target + (5 * targetStride));
        TSimd.Store(c1, target + (6 * targetStride));
        TSimd.Store(d1, target + (7 * targetStride));
        TSimd.Store(a2, target + (8 * targetStride));
        TSimd.Store(b2, target + (9 * targetStride));
        TSimd.Store(c2, target + (10 * targetStride));
        TSimd.Store(d2, target + (11 * targetStride));
        TSimd.Store(a3, target + (12 * targetStride));
        TSimd.Store(b3, target + (13 * targetStride));
        TSimd.Store(c3, target + (14 * targetStride));
        TSimd.Store(d3, target + (15 * targetStride));
    }
}

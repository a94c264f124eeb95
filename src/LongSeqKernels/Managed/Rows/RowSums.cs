using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// Sums of rows in a fixed tree: blocks of <see cref="BlockRows"/> rows, blocks within a piece, pieces within a sum. Three levels keep fp32 sums of a
/// million rows exact to a few units, and pieces are what threads share.
/// </summary>
internal static unsafe class RowSums<T, TSimd, TVector>
    where T : unmanaged
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of one piece.</summary>
    public const int PieceRows = 2048;

    private const int BlockRows = 64;

    /// <summary>How far ahead of the rows at work memory is asked for.</summary>
    private const int PrefetchBytes = 4096;

    /// <summary>Sums the rows of one piece.</summary>
    /// <param name="table"><c>[.., width]</c>.</param>
    /// <param name="order">The rows to sum, in this order; null for rows that follow each other from <paramref name="first"/> on.</param>
    /// <param name="first">Position of the first row in the order, or the first row itself.</param>
    /// <param name="count">Rows to sum, 1 or more.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="sum"><c>[width]</c>, result.</param>
    public static void SumPiece(T* table, int* order, long first, int count, int width, float* sum)
    {
        for (int begin = 0; begin < count; begin += BlockRows)
        {
            var rows = new Rows(table, order, first + begin, Math.Min(BlockRows, count - begin), width);
            AddBlock(rows, width, sum, begin == 0 ? OutputMode.Overwrite : OutputMode.Add);
        }
    }

    /// <summary>Sums one block in registers, eight vectors of columns at a time, and adds it to the piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddBlock(Rows rows, int width, float* sum, OutputMode mode)
    {
        int x = 0;
        int count = TSimd.Count;
        for (; x + (8 * count) <= width; x += 8 * count)
        {
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector s4 = TSimd.Zero, s5 = TSimd.Zero, s6 = TSimd.Zero, s7 = TSimd.Zero;
            for (int i = 0; i < rows.Count; i++)
            {
                T* row = rows[i] + x;
                TSimd.PrefetchFar((byte*)row + PrefetchBytes);
                s0 = TSimd.Add(s0, SimdMath.Load<TSimd, TVector, T>(row));
                s1 = TSimd.Add(s1, SimdMath.Load<TSimd, TVector, T>(row + count));
                s2 = TSimd.Add(s2, SimdMath.Load<TSimd, TVector, T>(row + (2 * count)));
                s3 = TSimd.Add(s3, SimdMath.Load<TSimd, TVector, T>(row + (3 * count)));
                s4 = TSimd.Add(s4, SimdMath.Load<TSimd, TVector, T>(row + (4 * count)));
                s5 = TSimd.Add(s5, SimdMath.Load<TSimd, TVector, T>(row + (5 * count)));
                s6 = TSimd.Add(s6, SimdMath.Load<TSimd, TVector, T>(row + (6 * count)));
                s7 = TSimd.Add(s7, SimdMath.Load<TSimd, TVector, T>(row + (7 * count)));
            }
            Store(s0, sum + x, mode);
            Store(s1, sum + x + count, mode);
            Store(s2, sum + x + (2 * count), mode);
            Store(s3, sum + x + (3 * count), mode);
            Store(s4, sum + x + (4 * count), mode);
            Store(s5, sum + x + (5 * count), mode);
            Store(s6, sum + x + (6 * count), mode);
            Store(s7, sum + x + (7 * count), mode);
        }
        for (; x + (2 * count) <= width; x += 2 * count)
        {
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero;
            for (int i = 0; i < rows.Count; i++)
            {
                T* row = rows[i] + x;
                s0 = TSimd.Add(s0, SimdMath.Load<TSimd, TVector, T>(row));
                s1 = TSimd.Add(s1, SimdMath.Load<TSimd, TVector, T>(row + count));
            }
            Store(s0, sum + x, mode);
            Store(s1, sum + x + count, mode);
        }
        for (; x + count <= width; x += count)
        {
            TVector total = TSimd.Zero;
            for (int i = 0; i < rows.Count; i++)
            {
                total = TSimd.Add(total, SimdMath.Load<TSimd, TVector, T>(rows[i] + x));
            }
            Store(total, sum + x, mode);
        }
        for (; x < width; x++)
        {
            float total = 0;
            for (int i = 0; i < rows.Count; i++)
            {
                total += Element<T>.ToSingle(rows[i][x]);
            }
            sum[x] = mode == OutputMode.Add ? sum[x] + total : total;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TVector block, float* sum, OutputMode mode) =>
        TSimd.Store(mode == OutputMode.Add ? TSimd.Add(TSimd.Load(sum), block) : block, sum);

    /// <summary>The rows of a block.</summary>
    private readonly struct Rows(T* table, int* order, long first, int count, int width)
    {
        public int Count => count;

        public T* this[int i]
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => table + ((order == null ? first + i : order[first + i]) * width);
        }
    }
}

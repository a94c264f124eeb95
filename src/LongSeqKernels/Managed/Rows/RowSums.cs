using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <summary>
/// Sums of rows in a fixed tree: blocks of <see cref="BlockRows"/> rows, blocks within a piece, pieces within a sum. Three levels keep fp32 sums of a
/// million rows exact to a few units, and pieces are what threads share.
/// </summary>
internal static unsafe class RowSums<T>
    where T : unmanaged
{
    /// <summary>Rows of one piece.</summary>
    public const int PieceRows = 2048;

    private const int BlockRows = 64;

    /// <summary>Sums the rows of one piece.</summary>
    /// <param name="table"><c>[.., width]</c>.</param>
    /// <param name="order">The rows to sum, in this order; null for rows that follow each other from <paramref name="first"/> on.</param>
    /// <param name="first">Position of the first row in the order, or the first row itself.</param>
    /// <param name="count">Rows to sum, 1 or more.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="sum"><c>[width]</c>, result.</param>
    /// <param name="scratch"><c>[2, width]</c>.</param>
    public static void SumPiece(T* table, int* order, long first, int count, int width, float* sum, float* scratch)
    {
        var total = new Span<float>(sum, width);
        var block = new Span<float>(scratch, width);
        total.Clear();
        for (int begin = 0; begin < count; begin += BlockRows)
        {
            block.Clear();
            for (int i = begin; i < Math.Min(begin + BlockRows, count); i++)
            {
                long row = order == null ? first + i : order[first + i];
                float* values = ElementRows<T>.AsSingle(table + (row * width), scratch + width, width);
                TensorPrimitives.Add(block, new ReadOnlySpan<float>(values, width), block);
            }
            TensorPrimitives.Add(total, block, total);
        }
    }
}

using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>Moves rows between target-major order <c>[rows, heads, width]</c> and head-major order <c>[heads, rows, width]</c>, and transposes matrices.</summary>
internal static class HeadOrder
{
    /// <summary><c>[rows, heads, width]</c> to <c>[heads, rows, width]</c>; the way back is the same with rows and heads exchanged.</summary>
    public static void Swap(ReadOnlySpan<float> source, int rows, int heads, int width, Span<float> destination)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < heads; head++)
            {
                source.Slice(((row * heads) + head) * width, width).CopyTo(destination[(((head * rows) + row) * width)..]);
            }
        }
    }

    /// <summary>As <see cref="Swap"/>, added to the destination.</summary>
    public static void SwapAdd(ReadOnlySpan<float> source, int rows, int heads, int width, Span<float> destination)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < heads; head++)
            {
                Span<float> sum = destination.Slice(((head * rows) + row) * width, width);
                TensorPrimitives.Add(sum, source.Slice(((row * heads) + head) * width, width), sum);
            }
        }
    }

    /// <summary><c>[rows, columns]</c> to <c>[columns, rows]</c>.</summary>
    public static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                destination[(column * rows) + row] = source[(row * columns) + column];
            }
        }
    }

    /// <summary>Adds the transpose of a matrix <c>[rows, columns]</c> to one <c>[columns, rows]</c>.</summary>
    public static void TransposeAdd(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                destination[(column * rows) + row] += source[(row * columns) + column];
            }
        }
    }
}

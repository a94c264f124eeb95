namespace LongSeqKernels.Models;

/// <summary>Scratch memory that is kept from batch to batch and only ever grows.</summary>
internal sealed class GrowingBuffer
{
    private float[] _array = [];
    private int _length;

    /// <summary>What the last <see cref="Use"/> or <see cref="Zeroed"/> handed out.</summary>
    public Span<float> Span => _array.AsSpan(0, _length);

    /// <summary>Hands out <paramref name="rows"/> times <paramref name="width"/> elements whose contents are undefined.</summary>
    public Span<float> Use(long rows, int width)
    {
        long length = rows * width;
        if (length > _array.Length)
        {
            if (length > Array.MaxLength)
            {
                throw Error.Invalid("batch", $"{rows} rows of {width} elements", $"cut into parts of at most {Array.MaxLength} elements");
            }
            _array = GC.AllocateUninitializedArray<float>((int)Math.Min(Math.Max(length, length + (_array.Length / 4)), Array.MaxLength));
        }
        _length = (int)length;
        return Span;
    }

    /// <summary>Hands out <paramref name="rows"/> times <paramref name="width"/> zeros.</summary>
    public Span<float> Zeroed(long rows, int width)
    {
        Use(rows, width).Clear();
        return Span;
    }
}

namespace LongSeqKernels.Models;

/// <summary>Scratch memory, aligned to cache lines, that is kept from batch to batch and only ever grows.</summary>
internal sealed class GrowingBuffer
{
    /// <summary>The most elements that aligned memory can have.</summary>
    private static readonly long Longest = Array.MaxLength - (AlignedMemory.Alignment / sizeof(float));

    private Memory<float> _memory;
    private int _length;

    /// <summary>What the last <see cref="Use"/> or <see cref="Zeroed"/> handed out.</summary>
    public Span<float> Span => _memory.Span[.._length];

    /// <summary>Hands out <paramref name="rows"/> times <paramref name="width"/> elements whose contents are undefined.</summary>
    public Span<float> Use(long rows, int width)
    {
        long length = rows * width;
        if (length > _memory.Length)
        {
            if (length > Longest)
            {
                throw Error.Invalid("batch", $"{rows} rows of {width} elements", $"cut into parts of at most {Longest} elements");
            }
            _memory = AlignedMemory.AllocateUninitialized<float>(Math.Min(length + (_memory.Length / 4), Longest));
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

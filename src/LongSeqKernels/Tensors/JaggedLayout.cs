using System.Globalization;

namespace LongSeqKernels;

/// <summary>
/// How the rows of a ragged batch are cut into segments: <c>offsets[count + 1]</c>, never padding. Segment <c>i</c> owns the rows
/// <c>offsets[i] .. offsets[i + 1] - 1</c>; segments may be empty. Immutable and checked once, when made.
/// </summary>
public sealed class JaggedLayout
{
    /// <summary>The most rows of a layout, 2^40: row counts times row widths then never overflow.</summary>
    public const long MaxTotal = 1L << 40;

    private readonly long[] _offsets;

    private JaggedLayout(long[] offsets)
    {
        _offsets = offsets;
        for (int i = 0; i < Count; i++)
        {
            MaxLength = Math.Max(MaxLength, Length(i));
        }
    }

    /// <summary>Number of segments (users, requests).</summary>
    public int Count => _offsets.Length - 1;

    /// <summary>Number of rows over all segments.</summary>
    public long Total => _offsets[^1];

    /// <summary>Rows of the longest segment; 0 for an empty batch.</summary>
    public long MaxLength { get; }

    /// <summary>The <c>Count + 1</c> offsets, starting at 0.</summary>
    public ReadOnlySpan<long> Offsets => _offsets;

    /// <summary>First row of segment <paramref name="segment"/>.</summary>
    /// <param name="segment">From 0 to <see cref="Count"/>, which gives <see cref="Total"/>.</param>
    public long Start(int segment) => _offsets[segment];

    /// <summary>Number of rows of segment <paramref name="segment"/>.</summary>
    /// <param name="segment">From 0 to <see cref="Count"/> - 1.</param>
    public long Length(int segment) => _offsets[segment + 1] - _offsets[segment];

    /// <summary>Makes a layout from offsets, which are copied.</summary>
    /// <param name="offsets">At least one number; the first is 0, none is smaller than the one before.</param>
    /// <exception cref="ArgumentException">The offsets are empty, do not start at 0, decrease, or exceed <see cref="MaxTotal"/>.</exception>
    public static JaggedLayout FromOffsets(ReadOnlySpan<long> offsets)
    {
        if (offsets.IsEmpty)
        {
            throw Error.Invalid(nameof(offsets), "empty", "at least one number, the first 0");
        }
        if (offsets[0] != 0)
        {
            throw Error.Invalid(nameof(offsets) + "[0]", offsets[0].ToString(CultureInfo.InvariantCulture), "0");
        }
        for (int i = 1; i < offsets.Length; i++)
        {
            if (offsets[i] < offsets[i - 1])
            {
                throw Error.Invalid($"{nameof(offsets)}[{i}]", offsets[i].ToString(CultureInfo.InvariantCulture), $"{offsets[i - 1]} or more, as offsets never decrease");
            }
        }
        if (offsets[^1] > MaxTotal)
        {
            throw Error.Invalid($"{nameof(offsets)}[{offsets.Length - 1}]", offsets[^1].ToString(CultureInfo.InvariantCulture), $"{MaxTotal} or less");
        }
        return new JaggedLayout(offsets.ToArray());
    }

    /// <summary>Makes a layout from segment lengths.</summary>
    /// <param name="lengths">Rows per segment, each 0 or more.</param>
    /// <exception cref="ArgumentException">A length is negative or their sum exceeds <see cref="MaxTotal"/>.</exception>
    public static JaggedLayout FromLengths(params ReadOnlySpan<long> lengths)
    {
        var offsets = new long[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > MaxTotal - offsets[i])
            {
                throw Error.Invalid($"{nameof(lengths)}[{i}]", lengths[i].ToString(CultureInfo.InvariantCulture), $"0 or more, with a sum of {MaxTotal} or less");
            }
            offsets[i + 1] = offsets[i] + lengths[i];
        }
        return new JaggedLayout(offsets);
    }

    /// <summary>A layout of <paramref name="count"/> segments of <paramref name="length"/> rows each.</summary>
    public static JaggedLayout Uniform(int count, long length)
    {
        Check.Rows(count);
        if (length < 0 || (count > 0 && length > MaxTotal / count))
        {
            throw Error.Range(nameof(length), length, $"0 or more, with a sum of {MaxTotal} or less");
        }
        var offsets = new long[count + 1];
        for (int i = 1; i <= count; i++)
        {
            offsets[i] = offsets[i - 1] + length;
        }
        return new JaggedLayout(offsets);
    }
}

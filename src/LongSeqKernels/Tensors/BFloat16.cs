using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Portable;

namespace LongSeqKernels;

/// <summary>
/// A 16-bit brain floating point number: the upper half of an IEEE 754 binary32 (1 sign, 8 exponent, 7 mantissa bits).
/// Conversion from <see cref="float"/> rounds to nearest, ties to even; NaNs stay NaN (quiet, sign and leading payload kept).
/// </summary>
/// <remarks>.NET 10 has no such type (it arrives in .NET 11); the layout is the one that CUDA, safetensors and ONNX use.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 2)]
public readonly struct BFloat16 : IEquatable<BFloat16>, IComparable<BFloat16>, ISpanFormattable
{
    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>The largest finite value, about 3.39e38.</summary>
    public static BFloat16 MaxValue => FromBits(0x7F7F);

    /// <summary>The distance from 1 to the next larger value: 2^-7.</summary>
    public static BFloat16 MachineEpsilon => FromBits(0x3C00);

    /// <summary>Positive infinity.</summary>
    public static BFloat16 PositiveInfinity => FromBits(0x7F80);

    /// <summary>Negative infinity.</summary>
    public static BFloat16 NegativeInfinity => FromBits(0xFF80);

    /// <summary>A quiet NaN.</summary>
    public static BFloat16 NaN => FromBits(0x7FC0);

    /// <summary>The value with these 16 bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>The 16 bits of this value.</summary>
    public ushort ToBits() => _bits;

    /// <summary>Whether <paramref name="value"/> is NaN.</summary>
    public static bool IsNaN(BFloat16 value) => (value._bits & 0x7FFF) > 0x7F80;

    /// <summary>Rounds to the nearest representable value, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BFloat16 FromSingle(float value) => new((ushort)StorageBits.ToBFloat16(value));

    /// <summary>The exact value as <see cref="float"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float ToSingle() => StorageBits.FromBFloat16(_bits);

    /// <summary>Rounds to the nearest representable value, ties to even.</summary>
    public static explicit operator BFloat16(float value) => FromSingle(value);

    /// <summary>The exact value.</summary>
    public static implicit operator float(BFloat16 value) => value.ToSingle();

    /// <inheritdoc/>
    public bool Equals(BFloat16 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();

    /// <inheritdoc/>
    public int CompareTo(BFloat16 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>IEEE equality: NaN differs from itself, the two zeros are equal.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => left.ToSingle() == right.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);

    /// <summary>IEEE order.</summary>
    public static bool operator <(BFloat16 left, BFloat16 right) => left.ToSingle() < right.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(BFloat16 left, BFloat16 right) => left.ToSingle() > right.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(BFloat16 left, BFloat16 right) => left.ToSingle() <= right.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(BFloat16 left, BFloat16 right) => left.ToSingle() >= right.ToSingle();

    /// <inheritdoc/>
    public override string ToString() => ToSingle().ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToSingle().ToString(format, formatProvider);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ToSingle().TryFormat(destination, out charsWritten, format, provider);
}

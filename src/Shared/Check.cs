using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>The argument checks that operations share. Each names the argument, what it was and what it must be.</summary>
internal static class Check
{
    /// <summary>Widths and counts above this are taken for mistakes (a byte count or an uninitialised value).</summary>
    public const int MaxWidth = 1 << 16;

    public static int Width(int value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        value is >= 1 and <= MaxWidth ? value : throw Error.Range(argument, value, $"from 1 to {MaxWidth}");

    /// <summary>The most elements of one row (all heads of a target, one history row): with the most rows of a layout their product stays below 2^63.</summary>
    public const int MaxRowElements = 1 << 22;

    public static int RowElements(long value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        value is >= 1 and <= MaxRowElements ? (int)value : throw Error.Range(argument, value, $"a row of 1 to {MaxRowElements} elements");

    public static int Rows(int value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        value >= 0 ? value : throw Error.Range(argument, value, "0 or more");

    public static float Finite(float value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        float.IsFinite(value) ? value : throw Error.Range(argument, value, "finite");

    public static float FinitePositive(float value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        float.IsFinite(value) && value > 0 ? value : throw Error.Range(argument, value, "finite and greater than 0");

    public static float FiniteNotNegative(float value, [CallerArgumentExpression(nameof(value))] string argument = "") =>
        float.IsFinite(value) && value >= 0 ? value : throw Error.Range(argument, value, "finite and 0 or more");

    public static TEnum Defined<TEnum>(TEnum value, [CallerArgumentExpression(nameof(value))] string argument = "")
        where TEnum : struct, Enum =>
        Enum.IsDefined(value) ? value : throw Error.Invalid(argument, value.ToString(), "one of " + string.Join(", ", Enum.GetNames<TEnum>()));

    public static void Length<T>(ReadOnlySpan<T> span, long mustBe, string meaning, [CallerArgumentExpression(nameof(span))] string argument = "")
    {
        if (span.Length != mustBe)
        {
            throw Error.Length(argument, span.Length, mustBe, meaning);
        }
    }

    public static void Length<T>(Span<T> span, long mustBe, string meaning, [CallerArgumentExpression(nameof(span))] string argument = "") =>
        Length((ReadOnlySpan<T>)span, mustBe, meaning, argument);

    /// <summary>The address of elements that another library allocated. No elements need none.</summary>
    public static void Address<T>(nint pointer, long length, [CallerArgumentExpression(nameof(pointer))] string argument = "")
        where T : unmanaged
    {
        if (length > 0 && (pointer == 0 || pointer % Unsafe.SizeOf<T>() != 0))
        {
            throw Error.Invalid(argument, pointer == 0 ? "0" : $"0x{pointer:x}", $"the address of {length} elements, aligned to their {Unsafe.SizeOf<T>()} bytes");
        }
    }

    /// <summary>Optional tensors are passed as empty spans.</summary>
    public static void LengthOrEmpty<T>(ReadOnlySpan<T> span, long mustBe, string meaning, [CallerArgumentExpression(nameof(span))] string argument = "")
    {
        if (!span.IsEmpty)
        {
            Length(span, mustBe, meaning + ", or none", argument);
        }
    }

    /// <inheritdoc cref="LengthOrEmpty{T}(ReadOnlySpan{T}, long, string, string)"/>
    public static void LengthOrEmpty<T>(Span<T> span, long mustBe, string meaning, [CallerArgumentExpression(nameof(span))] string argument = "") =>
        LengthOrEmpty((ReadOnlySpan<T>)span, mustBe, meaning, argument);

    /// <summary>An output may not overlap an input or another output: kernels read inputs while they write outputs.</summary>
    public static void Disjoint<TLeft, TRight>(
        Span<TLeft> output,
        ReadOnlySpan<TRight> other,
        [CallerArgumentExpression(nameof(output))] string argument = "",
        [CallerArgumentExpression(nameof(other))] string otherArgument = "")
        where TLeft : unmanaged
        where TRight : unmanaged
    {
        if (System.Runtime.InteropServices.MemoryMarshal.AsBytes(output).Overlaps(System.Runtime.InteropServices.MemoryMarshal.AsBytes(other)))
        {
            throw Error.Invalid(argument, $"memory that overlaps {otherArgument}", "memory of its own");
        }
    }
}

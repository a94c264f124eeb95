using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>The storage types of the library. Arithmetic is always done in fp32 (fp64 in the reference).</summary>
public enum ElementType
{
    /// <summary>IEEE binary32, <see cref="float"/>.</summary>
    Float32,

    /// <summary>Brain floating point, <see cref="LongSeqKernels.BFloat16"/>.</summary>
    BFloat16,

    /// <summary>IEEE binary16, <see cref="Half"/>.</summary>
    Float16,
}

/// <summary>
/// What the library knows of a storage type <typeparamref name="T"/>: its name and its conversions.
/// The type tests are constants to the JIT, so a conversion costs what the conversion itself costs.
/// </summary>
/// <typeparam name="T"><see cref="float"/>, <see cref="BFloat16"/> or <see cref="Half"/>.</typeparam>
public static class Element<T>
    where T : unmanaged
{
    /// <summary>The storage type.</summary>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is none of the three storage types.</exception>
    public static ElementType Type
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get =>
            typeof(T) == typeof(float) ? ElementType.Float32
            : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
            : typeof(T) == typeof(Half) ? ElementType.Float16
            : throw Error.UnsupportedElement(typeof(T));
    }

    /// <summary>The exact value of <paramref name="value"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(T value) =>
        typeof(T) == typeof(float) ? (float)(object)value
        : typeof(T) == typeof(BFloat16) ? ((BFloat16)(object)value).ToSingle()
        : typeof(T) == typeof(Half) ? (float)(Half)(object)value
        : throw Error.UnsupportedElement(typeof(T));

    /// <summary>The nearest <typeparamref name="T"/> to <paramref name="value"/>, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T FromSingle(float value) =>
        typeof(T) == typeof(float) ? (T)(object)value
        : typeof(T) == typeof(BFloat16) ? (T)(object)BFloat16.FromSingle(value)
        : typeof(T) == typeof(Half) ? (T)(object)(Half)value
        : throw Error.UnsupportedElement(typeof(T));
}

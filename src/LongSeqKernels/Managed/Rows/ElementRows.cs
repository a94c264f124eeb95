using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>Converts rows of a storage type to fp32 and back, vectorised; rounds as <see cref="Element{T}"/> does.</summary>
internal static unsafe class ElementRows<T>
    where T : unmanaged
{
    /// <summary>Reads <paramref name="count"/> elements as fp32.</summary>
    public static void Widen(T* source, float* target, int count)
    {
        if (typeof(T) == typeof(float))
        {
            new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(target, count));
        }
        else if (typeof(T) == typeof(BFloat16))
        {
            WidenBFloat16((ushort*)source, target, count);
        }
        else
        {
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<T, Half>(new ReadOnlySpan<T>(source, count)), new Span<float>(target, count));
        }
    }

    /// <summary>The row itself for fp32, else its copy in <paramref name="buffer"/>.</summary>
    public static float* AsSingle(T* row, float* buffer, int count)
    {
        if (typeof(T) == typeof(float))
        {
            return (float*)row;
        }
        Widen(row, buffer, count);
        return buffer;
    }

    /// <summary>Stores <paramref name="count"/> fp32 elements.</summary>
    public static void Narrow(float* source, T* target, int count)
    {
        if (typeof(T) == typeof(float))
        {
            new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(target, count));
        }
        else if (typeof(T) == typeof(BFloat16))
        {
            NarrowBFloat16(source, (ushort*)target, count);
        }
        else
        {
            TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(source, count), MemoryMarshal.Cast<T, Half>(new Span<T>(target, count)));
        }
    }

    private static void WidenBFloat16(ushort* source, float* target, int count)
    {
        int i = 0;
        for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.Load(source + i));
            (lower << 16).AsSingle().Store(target + i);
            (upper << 16).AsSingle().Store(target + i + Vector256<uint>.Count);
        }
        for (; i < count; i++)
        {
            target[i] = BFloat16.FromBits(source[i]).ToSingle();
        }
    }

    private static void NarrowBFloat16(float* source, ushort* target, int count)
    {
        int i = 0;
        for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
        {
            Vector256.Narrow(Round(Vector256.Load(source + i)), Round(Vector256.Load(source + i + Vector256<float>.Count))).Store(target + i);
        }
        for (; i < count; i++)
        {
            target[i] = BFloat16.FromSingle(source[i]).ToBits();
        }
    }

    private static Vector256<uint> Round(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> upper = bits >> 16;
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + (upper & Vector256<uint>.One)) >> 16;
        Vector256<uint> quiet = upper | Vector256.Create(0x40u);
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, quiet);
    }
}

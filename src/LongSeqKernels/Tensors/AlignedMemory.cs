using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LongSeqKernels;

/// <summary>
/// Managed memory as histories want it: it begins on a cache line, and what is large lies on large pages where the system gives them (Linux; transparent_hugepage must be madvise, as
/// most distributions have it, or always). Every operation takes memory of any kind; but an array of the garbage collector begins anywhere, and each load of 64 bytes then reads from two
/// cache lines, and it lies on pages of 4 KiB, where prefetching ends. The first costs attention of one target a tenth to a fifth of its speed where the history is in a cache, the second
/// attention of 1 to 16 targets a tenth to a third where the history is in memory.
/// </summary>
public static class AlignedMemory
{
    /// <summary>What the address of the first element is a multiple of: a cache line, and the widest vector, in bytes.</summary>
    public const int Alignment = 64;

    /// <summary>Allocates elements whose contents are undefined. The memory is pinned, and the garbage collector's: nothing is to be freed.</summary>
    /// <typeparam name="T">fp32, bf16, fp16 or another type of 1, 2, 4 or 8 bytes.</typeparam>
    /// <param name="length">Elements, from 0 to about two billion.</param>
    /// <exception cref="ArgumentException"><paramref name="length"/> is negative or more than an array can hold, or <typeparamref name="T"/> has another size.</exception>
    public static Memory<T> AllocateUninitialized<T>(long length)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (size is not (1 or 2 or 4 or 8))
        {
            throw Error.Invalid(nameof(T), $"{typeof(T).Name} of {size} bytes", "a type of 1, 2, 4 or 8 bytes");
        }
        int spare = Alignment / size;
        if (length < 0 || length > Array.MaxLength - spare)
        {
            throw Error.Range(nameof(length), length, $"from 0 to {Array.MaxLength - spare}");
        }
        T[] array = GC.AllocateUninitializedArray<T>((int)length + spare, pinned: true);
        nint address = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        HugePages.Advise(address, (long)array.Length * size);
        long first = (-address & (Alignment - 1)) / size;
        return array.AsMemory((int)first, (int)length);
    }
}

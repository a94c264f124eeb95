namespace LongSeqKernels.Cli;

/// <summary>Inputs that depend on index and seed only: <c>bench/peers/inputs.py</c> makes the same ones.</summary>
internal static class BenchInputs
{
    /// <summary>Numbers of unit variance, uniform, times a factor.</summary>
    public static BenchTensor<T> Uniform<T>(long count, ulong seed, float factor = 1f)
        where T : unmanaged
    {
        BenchTensor<T> tensor = Output<T>(count);
        Span<T> values = tensor.Span;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Element<T>.FromSingle((((Hash(i, seed) >> 40) * 5.9604645e-8f) - 0.5f) * 3.46410162f * factor);
        }
        return tensor;
    }

    /// <summary>Whole numbers from 0 to <paramref name="limit"/> - 1.</summary>
    public static long[] Whole(long count, ulong seed, long limit)
    {
        var values = new long[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (long)((Hash(i, seed) >> 40) % (ulong)limit);
        }
        return values;
    }

    /// <summary>A tensor to be written.</summary>
    public static BenchTensor<T> Output<T>(long count)
        where T : unmanaged => new(AlignedMemory.AllocateUninitialized<T>(count));

    private static ulong Hash(int index, ulong seed)
    {
        ulong z = ((ulong)index * 0x9E3779B97F4A7C15ul) + (seed * 0xD1B54A32D192ED03ul);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
        return z ^ (z >> 31);
    }
}

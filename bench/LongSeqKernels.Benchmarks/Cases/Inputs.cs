namespace LongSeqKernels.Benchmarks;

/// <summary>Inputs that depend on index and seed only, so that workers in any language make the same ones.</summary>
internal static class Inputs
{
    /// <summary>Numbers of unit variance, uniform.</summary>
    public static T[] Uniform<T>(long count, ulong seed, float factor = 1f)
        where T : unmanaged
    {
        var values = GC.AllocateUninitializedArray<T>(checked((int)count), pinned: true);
        for (int i = 0; i < values.Length; i++)
        {
            ulong z = ((ulong)i * 0x9E3779B97F4A7C15ul) + (seed * 0xD1B54A32D192ED03ul);
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
            z ^= z >> 31;
            values[i] = Element<T>.FromSingle((((z >> 40) * 5.9604645e-8f) - 0.5f) * 3.46410162f * factor);
        }
        return values;
    }
}

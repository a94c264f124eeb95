namespace LongSeqKernels.Models;

/// <summary>Initial weights: each tensor draws from a stream of its own, named by its place in the set, so a switch changes no other tensor's numbers of the same place.</summary>
internal static class Initialisation
{
    /// <summary>Normal with standard deviation <paramref name="deviation"/>.</summary>
    public static void Normal(Span<float> values, float deviation, RandomStream random)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(deviation * random.NextNormal());
        }
    }

    /// <summary>Normal with variance 1 / inputs, which keeps the size of rows.</summary>
    public static void KeepSize(Parameter matrix, RandomStream random, float gain = 1) =>
        Normal(matrix.Values, gain / MathF.Sqrt(matrix.Shape[0]), random);

    /// <summary>The identity: the map starts as no map, and what it reads keeps its directions.</summary>
    public static void Identity(Parameter matrix)
    {
        matrix.Values.Clear();
        for (int i = 0; i < Math.Min(matrix.Shape[0], matrix.Shape[1]); i++)
        {
            matrix.Values[(i * matrix.Shape[1]) + i] = 1;
        }
    }
}

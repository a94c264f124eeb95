using System.Collections.Concurrent;

namespace LongSeqKernels.Tests;

/// <summary>Test data with fixed seeds.</summary>
internal static class Samples
{
    /// <summary>What is kept of a seed's numbers for the next case that wants them; drawing them costs more than most cases' kernels.</summary>
    private const int LongestKept = 1 << 18;

    private static readonly ConcurrentDictionary<int, double[]> Kept = new();

    /// <summary>Independent normal numbers with standard deviation <paramref name="deviation"/>; of two counts, the smaller gives the beginning of the larger.</summary>
    public static float[] Normal(int seed, long count, double deviation = 1)
    {
        double[] standard = count > LongestKept ? StandardNormal(seed, count) : Keep(seed, count);
        var values = new float[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(deviation * standard[i]);
        }
        return values;
    }

    /// <summary>The same numbers as <see cref="Normal"/>, rounded to the storage type.</summary>
    public static T[] Normal<T>(int seed, long count, double deviation = 1)
        where T : unmanaged => Narrow<T>(Normal(seed, count, deviation));

    /// <summary>Lengths as users have them: most short, few long; includes 0.</summary>
    public static long[] ZipfLengths(int seed, int count, long longest)
    {
        var random = new Random(seed);
        var lengths = new long[count];
        for (int i = 0; i < count; i++)
        {
            lengths[i] = longest / random.Next(1, (int)longest + 2);
        }
        lengths[random.Next(count)] = longest;
        lengths[(Array.IndexOf(lengths, longest) + 1) % count] = 0;
        return lengths;
    }

    public static T[] Narrow<T>(ReadOnlySpan<float> values)
        where T : unmanaged
    {
        var narrow = new T[values.Length];
        for (int i = 0; i < narrow.Length; i++)
        {
            narrow[i] = Element<T>.FromSingle(values[i]);
        }
        return narrow;
    }

    public static float[] Widen<T>(T[] values)
        where T : unmanaged
    {
        var wide = new float[values.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = Element<T>.ToSingle(values[i]);
        }
        return wide;
    }

    /// <summary>The rows of one segment.</summary>
    public static T[] Segment<T>(T[] values, JaggedLayout layout, int segment)
    {
        long width = layout.Total == 0 ? 0 : values.Length / layout.Total;
        return values[(int)(layout.Start(segment) * width)..(int)(layout.Start(segment + 1) * width)];
    }

    /// <summary>NaN in the rows of every other segment.</summary>
    public static T[] PoisonOutside<T>(T[] values, JaggedLayout layout, int segment)
        where T : unmanaged => FillOutside(values, layout, segment, Element<T>.FromSingle(float.NaN));

    /// <summary>The same element in the rows of every other segment.</summary>
    public static T[] FillOutside<T>(T[] values, JaggedLayout layout, int segment, T element)
    {
        var filled = new T[values.Length];
        Array.Fill(filled, element);
        Segment(values, layout, segment).CopyTo(filled, layout.Start(segment) * (values.Length / layout.Total));
        return filled;
    }

    private static double[] Keep(int seed, long count) =>
        Kept.AddOrUpdate(seed, _ => StandardNormal(seed, count), (_, kept) => kept.Length >= count ? kept : StandardNormal(seed, count));

    private static double[] StandardNormal(int seed, long count)
    {
        var random = new Random(seed);
        var values = new double[count];
        for (int i = 0; i < values.Length; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = radius * Math.Cos(2 * Math.PI * random.NextDouble());
        }
        return values;
    }
}

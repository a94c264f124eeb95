using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class SegmentReduceParity<T>(string backend)
    where T : unmanaged
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        from reduction in Enum.GetValues<SegmentReduction>()
        from shape in new (string Name, long[] Lengths, int Width)[]
        {
            ("no segments", [], 8),
            ("empty segments", [0, 0], 8),
            ("one row", [1], 33),
            ("ragged", [3, 0, 65, 1, 64, 127, 128, 129], 20),
            ("width 1", [5, 300], 1),
            ("width 7", [63, 9], 7),
            ("width 256", [17, 16, 15], 256),
            ("Zipf", ZipfLengths(1, 40, 900), 8),
        }
        select new TestCaseData(reduction, shape.Lengths, shape.Width).SetArgDisplayNames(reduction.ToString(), shape.Name);

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(SegmentReduction reduction, long[] lengths, int width)
    {
        JaggedLayout segments = JaggedLayout.FromLengths(lengths);
        T[] input = Normal<T>(1, segments.Total * width);
        float[] reference = Forward(BackendRegistry.Reference, reduction, segments, width, Widen(input));

        T[] actual = Forward(Context, reduction, segments, width, input);

        float[] naive = Widen(Narrow<T>(NaiveForward(reduction, segments, width, Widen(input))));
        double sumError = UnitRoundoff<float>() * Math.Sqrt(segments.MaxLength);
        AssertFlashRule<T>("output", Widen(actual), naive, reference, sumError);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(SegmentReduction reduction, long[] lengths, int width)
    {
        JaggedLayout segments = JaggedLayout.FromLengths(lengths);
        T[] input = Normal<T>(1, segments.Total * width);
        T[] outputGradient = Normal<T>(2, segments.Count * width);
        float[] reference = Backward(BackendRegistry.Reference, reduction, segments, width, Widen(input), Widen(outputGradient));

        T[] actual = Backward(Context, reduction, segments, width, input, outputGradient);

        AssertFlashRule<T>("inputGradient", Widen(actual), Widen(Narrow<T>(reference)), reference);
    }

    [Test]
    public void TheFirstOfEqualMaximaTakesTheGradient()
    {
        JaggedLayout segments = JaggedLayout.FromLengths(4, 2);
        T[] input = Narrow<T>([1, 7, 7, 7, -5, -5]);

        T[] gradient = Backward(Context, SegmentReduction.Max, segments, 1, input, Narrow<T>([3, 4]));

        Assert.That(Widen(gradient), Is.EqualTo(new float[] { 0, 3, 0, 0, 4, 0 }));
    }

    [Test]
    public void TheMaximumOfNegativeRowsIsNegative()
    {
        T[] output = Forward(Context, SegmentReduction.Max, JaggedLayout.FromLengths(3), 1, Narrow<T>([-3, -1, -2]));

        Assert.That(Widen(output), Is.EqualTo(new float[] { -1 }));
    }

    [Test]
    public void SameInputsGiveTheSameBits([Values] SegmentReduction reduction)
    {
        JaggedLayout segments = JaggedLayout.FromLengths(10_000, 3, 777);
        T[] input = Normal<T>(1, segments.Total * 20);
        T[] expected = Forward(Context, reduction, segments, 20, input);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(Forward(Context, reduction, segments, 20, input), expected, "output");
        }
    }

    private static TElement[] Forward<TElement>(LongSeqContext context, SegmentReduction reduction, JaggedLayout segments, int width, TElement[] input)
        where TElement : unmanaged
    {
        GuardedBuffer<TElement> output = GuardedBuffer<TElement>.Output(segments.Count * width);
        SegmentReduce.Forward(context, reduction, segments, width, GuardedBuffer<TElement>.Of(input).Span, output.Span);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }

    private static TElement[] Backward<TElement>(
        LongSeqContext context, SegmentReduction reduction, JaggedLayout segments, int width, TElement[] input, TElement[] outputGradient)
        where TElement : unmanaged
    {
        GuardedBuffer<TElement> gradient = GuardedBuffer<TElement>.Output(input.Length);
        SegmentReduce.Backward(
            context, reduction, segments, width, GuardedBuffer<TElement>.Of(input).Span, GuardedBuffer<TElement>.Of(outputGradient).Span, gradient.Span);
        gradient.AssertGuardIntact("inputGradient");
        return gradient.ToArray();
    }

    private static float[] NaiveForward(SegmentReduction reduction, JaggedLayout segments, int width, float[] input)
    {
        var output = new float[segments.Count * width];
        for (int i = 0; i < output.Length; i++)
        {
            float[] column = [.. Segment(input, segments, i / width).Where((_, index) => index % width == i % width)];
            output[i] = (reduction, column.Length) switch
            {
                (_, 0) => 0,
                (SegmentReduction.Max, _) => column.Max(),
                (SegmentReduction.Mean, _) => column.Aggregate((x, y) => x + y) / column.Length,
                _ => column.Aggregate((x, y) => x + y),
            };
        }
        return output;
    }
}

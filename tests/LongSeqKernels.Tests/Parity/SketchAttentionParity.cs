using System.Numerics.Tensors;
using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class SketchAttentionParity<T>(string backend)
    where T : unmanaged
{
    /// <summary>fp32 logits, one exp and sums in fp32.</summary>
    private const double StatisticsError = 3e-6;

    private static readonly Expected<Expectation> Expectations = new();

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        [
            .. from length in new long[] { 1, 15, 16, 17, 63, 64, 65, 127, 128, 129 } select Case($"{length} tokens", [length], 16, 16, 16),
            .. from prototypes in new[] { 1, 3, 9, 63, 64, 65, 128 } select Case($"{prototypes} prototypes", [40], prototypes, 16, 16),
            .. from width in new[] { 1, 7, 8, 20, 32, 64, 128 } select Case($"width {width}", [33, 5], 12, width, width),
            Case("keys of 24, values of 40", [70], 20, 24, 40),
            Case("keys of 40, values of 7", [70], 20, 40, 7),
            Case("no segments", [], 8, 16, 16),
            Case("empty histories", [0, 0], 8, 16, 16),
            Case("ragged", [65, 0, 1, 130], 33, 32, 20),
            Case("Zipf", ZipfLengths(1, 12, 300), 16, 20, 24),
            Case("peaky", [130, 40], 32, 32, 32, deviation: 20),
            Case("scale 0", [70], 20, 24, 16, scale: 0),
            Case("slot means", [65, 0, 130], 33, 32, 20, SlotNormalization.Mass),
            Case("slot means, peaky", [130], 32, 32, 32, SlotNormalization.Mass, deviation: 5),
            Case("slot means, 1 token", [1], 3, 8, 8, SlotNormalization.Mass),
        ];

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(SketchAttentionShape shape, double deviation)
    {
        Expectation expected = Expect(shape, deviation);

        SketchAttentionResult<T> actual = SketchAttentionRun.Forward(Context, SketchAttentionData<T>.Of(shape, deviation));

        AssertFlashRule<T>("sketch", Widen(actual.Sketch), expected.NaiveSketch, expected.Forward.Sketch);
        AssertClose("tokenLogSumExp", actual.TokenLogSumExp, expected.Forward.TokenLogSumExp, StatisticsError);
        AssertClose("mass", actual.Mass, expected.Forward.Mass, StatisticsError * (1 + deviation));
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(SketchAttentionShape shape, double deviation)
    {
        Expectation expected = Expect(shape, deviation);
        SketchAttentionData<T> data = SketchAttentionData<T>.Of(shape, deviation);

        SketchAttentionGradients<T> actual = SketchAttentionRun.Backward(Context, data, SketchAttentionRun.Forward(Context, data));

        // The weights are recomputed from an LSE in fp32: its rounding is a relative error of every weight of its token.
        double weightError = UnitRoundoff<float>() * expected.Forward.TokenLogSumExp.Select(Math.Abs).DefaultIfEmpty().Max();
        SketchAttentionGradients<float> reference = expected.Backward;
        SketchAttentionGradients<float> naive = expected.NaiveBackward;
        double cancelled = 2 * UnitRoundoff<float>() * CancellingTerm(data);
        AssertFlashRule<T>("prototypeGradient", Widen(actual.Prototypes), naive.Prototypes, reference.Prototypes, weightError);
        AssertFlashRule<T>("keyGradient", Widen(actual.Keys), naive.Keys, reference.Keys, weightError, cancelled);
        AssertFlashRule<T>("valueGradient", Widen(actual.Values), naive.Values, reference.Values, weightError);
    }

    /// <summary>
    /// A mean's gradient with respect to its weights is a difference, dG . v - dG . mean, that is 0 for a slot with one token: the largest term of it, as
    /// it reaches a key. A rounding of each of the two is what a key's gradient may be off.
    /// </summary>
    private static double CancellingTerm(SketchAttentionData<T> data)
    {
        if (data.Shape.Normalization == SlotNormalization.None)
        {
            return 0;
        }
        int width = data.Shape.ValueWidth;
        float[] gradient = Widen(data.SketchGradient);
        float[] values = Widen(data.Values);
        double largest = 0;
        for (int row = 0; row < gradient.Length; row += width)
        {
            for (int token = 0; token < values.Length; token += width)
            {
                largest = Math.Max(largest, Math.Abs(TensorPrimitives.Dot<float>(gradient.AsSpan(row, width), values.AsSpan(token, width))));
            }
        }
        return largest * Math.Abs(data.Shape.EffectiveScale) * Largest(Widen(data.Prototypes));
    }

    [Test]
    public void EmptyHistoryGivesZeroRows([Values] SlotNormalization normalization)
    {
        SketchAttentionData<T> data = SketchAttentionData<T>.Of(new(JaggedLayout.FromLengths(0, 0), 5, 8, 8) { Normalization = normalization });

        SketchAttentionResult<T> actual = SketchAttentionRun.Forward(Context, data);
        SketchAttentionGradients<T> gradients = SketchAttentionRun.Backward(Context, data, actual);

        Assert.That(Widen(actual.Sketch), Is.All.Zero);
        Assert.That(actual.Mass, Is.All.Zero);
        Assert.That(Widen(gradients.Prototypes), Is.All.Zero);
    }

    [Test]
    public void EveryTokenIsSpreadOnce()
    {
        SketchAttentionData<T> data = SketchAttentionData<T>.Of(new(JaggedLayout.FromLengths(70, 3), 9, 16, 8));

        float[] mass = SketchAttentionRun.Forward(Context, data).Mass;

        Assert.That(mass[..9].Sum(), Is.EqualTo(70).Within(1e-4));
        Assert.That(mass[9..].Sum(), Is.EqualTo(3).Within(1e-4));
    }

    [Test]
    public void NeighbouringSegmentsAreNeverRead()
    {
        SketchAttentionShape shape = new(JaggedLayout.FromLengths(70, 61, 130), 12, 16, 20) { Normalization = SlotNormalization.Mass };
        SketchAttentionData<T> clean = SketchAttentionData<T>.Of(shape);
        JaggedLayout sketches = JaggedLayout.Uniform(3, 1);
        SketchAttentionData<T> poisoned = clean with
        {
            Keys = PoisonOutside(clean.Keys, shape.History, 1),
            Values = PoisonOutside(clean.Values, shape.History, 1),
            SketchGradient = PoisonOutside(clean.SketchGradient, sketches, 1),
        };
        SketchAttentionResult<T> expected = SketchAttentionRun.Forward(Context, clean);
        SketchAttentionResult<T> actual = SketchAttentionRun.Forward(Context, poisoned);
        AssertSameBits(Segment(actual.Sketch, sketches, 1), Segment(expected.Sketch, sketches, 1), "sketch");
        AssertSameBits(Segment(actual.Mass, sketches, 1), Segment(expected.Mass, sketches, 1), "mass");

        SketchAttentionGradients<T> expectedGradients = SketchAttentionRun.Backward(Context, clean, expected);
        SketchAttentionGradients<T> gradients = SketchAttentionRun.Backward(Context, poisoned, actual);
        AssertSameBits(Segment(gradients.Keys, shape.History, 1), Segment(expectedGradients.Keys, shape.History, 1), "keyGradient");
        AssertSameBits(Segment(gradients.Values, shape.History, 1), Segment(expectedGradients.Values, shape.History, 1), "valueGradient");
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        SketchAttentionData<T> data = SketchAttentionData<T>.Of(new(JaggedLayout.FromLengths(2000, 7, 300), 33, 20, 24));
        SketchAttentionResult<T> expected = SketchAttentionRun.Forward(Context, data);
        SketchAttentionGradients<T> expectedGradients = SketchAttentionRun.Backward(Context, data, expected);
        for (int run = 0; run < 3; run++)
        {
            SketchAttentionResult<T> actual = SketchAttentionRun.Forward(Context, data);
            AssertSameBits(actual.Sketch, expected.Sketch, "sketch");
            AssertSameBits(actual.TokenLogSumExp, expected.TokenLogSumExp, "tokenLogSumExp");
            AssertSameBits(actual.Mass, expected.Mass, "mass");
            SketchAttentionGradients<T> gradients = SketchAttentionRun.Backward(Context, data, actual);
            AssertSameBits(gradients.Prototypes, expectedGradients.Prototypes, "prototypeGradient");
            AssertSameBits(gradients.Keys, expectedGradients.Keys, "keyGradient");
            AssertSameBits(gradients.Values, expectedGradients.Values, "valueGradient");
        }
    }

    private static TestCaseData Case(
        string name,
        long[] lengths,
        int prototypes,
        int keyWidth,
        int valueWidth,
        SlotNormalization normalization = SlotNormalization.None,
        double deviation = 1,
        float? scale = null) =>
        new TestCaseData(
            new SketchAttentionShape(JaggedLayout.FromLengths(lengths), prototypes, keyWidth, valueWidth) { Normalization = normalization, Scale = scale },
            deviation).SetArgDisplayNames(name);

    private static Expectation Expect(SketchAttentionShape shape, double deviation)
    {
        string key = $"{string.Join(' ', shape.History.Offsets.ToArray())}: {shape.Prototypes} {shape.KeyWidth} {shape.ValueWidth} {shape.Scale} {shape.Normalization} {deviation}";
        return Expectations.Of(key, () =>
        {
            SketchAttentionData<float> data = SketchAttentionData<T>.Of(shape, deviation).Widened();
            SketchAttentionResult<float> forward = SketchAttentionRun.Forward(BackendRegistry.Reference, data);
            Naive naive = new(data);
            return new Expectation(
                forward, SketchAttentionRun.Backward(BackendRegistry.Reference, data, forward), naive.Sketch.Values, naive.Backward());
        });
    }

    private sealed record Expectation(
        SketchAttentionResult<float> Forward, SketchAttentionGradients<float> Backward, float[] NaiveSketch, SketchAttentionGradients<float> NaiveBackward);

    /// <summary>Sketch attention as whole matrices, segment by segment.</summary>
    private sealed class Naive
    {
        private readonly NaiveTape<T> _tape = new();
        private readonly SketchAttentionData<float> _data;
        private readonly NaiveMatrix _prototypes;
        private readonly NaiveMatrix _keys;
        private readonly NaiveMatrix _values;

        public Naive(SketchAttentionData<float> data)
        {
            _data = data;
            SketchAttentionShape shape = data.Shape;
            _prototypes = _tape.Input(data.Prototypes, shape.Prototypes, shape.KeyWidth);
            _keys = _tape.Input(data.Keys, (int)shape.History.Total, shape.KeyWidth);
            _values = _tape.Input(data.Values, (int)shape.History.Total, shape.ValueWidth);
            Sketch = new NaiveMatrix(shape.History.Count * shape.Prototypes, shape.ValueWidth);
            for (int segment = 0; segment < shape.History.Count; segment++)
            {
                int start = (int)shape.History.Start(segment);
                int length = (int)shape.History.Length(segment);
                NaiveMatrix keys = _tape.Block(_keys, start, length, 0, shape.KeyWidth);
                NaiveMatrix values = _tape.Block(_values, start, length, 0, shape.ValueWidth);
                NaiveMatrix logits = _tape.Scale(_tape.Multiply(keys, _tape.Transpose(_prototypes)), shape.EffectiveScale);
                NaiveMatrix weights = _tape.Transpose(_tape.Softmax(logits, [.. Enumerable.Repeat(shape.Prototypes, length)]));
                NaiveMatrix sketch = _tape.Multiply(weights, values);
                if (shape.Normalization == SlotNormalization.Mass)
                {
                    NaiveMatrix mass = _tape.SumColumns(weights);
                    const float Epsilon = SketchAttentionShape.MassEpsilon;
                    sketch = _tape.ScaleRows(sketch, _tape.Map(mass, m => 1 / (m + Epsilon), m => -1 / ((m + Epsilon) * (m + Epsilon))));
                }
                _tape.Place(Sketch, segment * shape.Prototypes, 0, sketch);
            }
        }

        public NaiveMatrix Sketch { get; }

        public SketchAttentionGradients<float> Backward()
        {
            _data.SketchGradient.CopyTo(Sketch.Gradient, 0);
            _tape.Backward();
            return new(_prototypes.Gradient, _keys.Gradient, _values.Gradient);
        }
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Extents and options out of range, for every operation beside cross attention.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.ArgumentBackends))]
public sealed class OptionArguments(string backend)
{
    private static readonly JaggedLayout Empty = JaggedLayout.FromLengths(0);

    private LongSeqContext Context => BackendRegistry.Context(backend);

    [TestCase(0f)]
    [TestCase(-1f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void AnEpsilonThatIsNotPositiveIsRefused(float epsilon)
    {
        Refusal.AssertRefused(() => LayerNorm.Forward<float>(Context, 0, 4, epsilon, [], [], [], []), "epsilon is", "finite and greater than 0");
        Refusal.AssertRefused(() => RunFfn(new GatedFfnShape(0, 2, 3) { Epsilon = epsilon }), "Epsilon is", "finite and greater than 0");
    }

    [TestCase(-1, 4, "rows is -1", "0 or more")]
    [TestCase(1, 0, "width is 0", "from 1 to 65536")]
    [TestCase(1, 70_000, "width is 70000", "from 1 to 65536")]
    public void BadLayerNormExtentsAreRefused(int rows, int width, string was, string mustBe) =>
        Refusal.AssertRefused(() => LayerNorm.Forward<float>(Context, rows, width, 1e-5f, [], [], [], []), was, mustBe);

    [TestCase(-1, 2, 2, "Rows is -1")]
    [TestCase(1, 0, 2, "InputWidth is 0")]
    [TestCase(1, 2, -5, "OutputWidth is -5")]
    public void BadLinearExtentsAreRefused(int rows, int input, int output, string was) =>
        Refusal.AssertRefused(() => Linear.Forward<float>(Context, new LinearShape(rows, input, output), [], [], [], []), was, "");

    [TestCase(-1, 2, 2, "Rows is -1")]
    [TestCase(1, 0, 2, "Width is 0")]
    [TestCase(1, 2, 0, "HiddenWidth is 0")]
    public void BadFfnExtentsAreRefused(int rows, int width, int hidden, string was) =>
        Refusal.AssertRefused(() => RunFfn(new GatedFfnShape(rows, width, hidden)), was, "");

    [Test]
    public void UndefinedEnumsAreRefused()
    {
        Refusal.AssertRefused(() => RunFfn(new GatedFfnShape(0, 2, 3, (FfnNorm)5)), "Norm is 5", "one of LayerNorm, None");
        Refusal.AssertRefused(
            () => Linear.Forward<float>(Context, new LinearShape(0, 1, 1), [], new float[1], [], [], (OutputMode)5), "mode is 5", "one of Overwrite, Add");
        Refusal.AssertRefused(
            () => SegmentReduce.Forward<float>(Context, (SegmentReduction)5, Empty, 2, [], new float[2]), "reduction is 5", "one of Sum, Mean, Max");
        Refusal.AssertRefused(() => RunState(new() { RowActivation = (LinearActivation)5 }), "RowActivation is 5", "one of Silu, ShiftedElu, Identity");
        Refusal.AssertRefused(() => RunState(new() { StateActivation = (LinearActivation)5 }), "StateActivation is 5", "one of Silu");
        Refusal.AssertRefused(() => RunSketch(new(Empty, 1, 1, 1) { Normalization = (SlotNormalization)5 }), "Normalization is 5", "one of None, Mass");
        Refusal.AssertRefused(() => SummaryCodec.RowBytes((SummaryEncoding)5, 4), "encoding is 5", "one of Float16, Int8, Int4");
    }

    [Test]
    public void NaNScalesAreRefused()
    {
        Refusal.AssertRefused(() => RunState(new() { StateScale = float.NaN }), "StateScale is NaN", "finite");
        Refusal.AssertRefused(() => RunSketch(new(Empty, 1, 1, 1) { Scale = float.NaN }), "Scale is NaN", "finite");
    }

    [Test]
    public void StatesTooLargeForOneRowAreRefused()
    {
        Refusal.AssertRefused(
            () => LinearAttention.AddToState<float>(Context, new(64, 1024, 1024), new(), Empty, [], [], []), "Heads * KeyWidth * ValueWidth is 67108864", "4194304");
        Refusal.AssertRefused(() => RunSketch(new(Empty, 60_000, 1, 60_000)), "Prototypes * ValueWidth is 3600000000", "4194304");
    }

    [TestCase(1, 60, 2, "Buckets is 1", "2 or more")]
    [TestCase(0, 60, 2, "Buckets is 0", "from 1")]
    [TestCase(4, 0, 2, "Unit is 0", "greater than 0")]
    [TestCase(4, double.NaN, 2, "Unit is NaN", "greater than 0")]
    [TestCase(4, 60, 0, "PerOctave is 0", "from 1")]
    public void BadTimeBucketsAreRefused(int buckets, double unit, int perOctave, string was, string mustBe) =>
        Refusal.AssertRefused(
            () => TimeEmbedding.Forward<float>(Context, new TimeBuckets(buckets, unit, perOctave), Empty, 2, [0], [], new float[buckets * 2], []), was, mustBe);

    [Test]
    public void TimesMustFitTheSegments()
    {
        JaggedLayout segments = JaggedLayout.FromLengths(2);
        var rows = new float[4];
        void Run(long[] requests, long[] events) =>
            TimeEmbedding.Forward<float>(Context, new TimeBuckets(4), segments, 2, requests, events, new float[8], rows);

        Refusal.AssertRefused(() => Run([], [1, 2]), "requestTimes has 0 elements", "1 (segments", rows);
        Refusal.AssertRefused(() => Run([1], [1, 2, 3]), "eventTimes has 3 elements", "2 (total", rows);
    }

    [TestCase(SummaryEncoding.Int8, float.NaN)]
    [TestCase(SummaryEncoding.Int4, float.NegativeInfinity)]
    [TestCase(SummaryEncoding.Int8, 3e38f)]
    [TestCase(SummaryEncoding.Float16, 65_536f)]
    [TestCase(SummaryEncoding.Float16, float.NaN)]
    public void NumbersThatCannotBeEncodedAreRefused(SummaryEncoding encoding, float bad)
    {
        var codes = new byte[SummaryCodec.RowBytes(encoding, 3)];
        var scales = new float[1];

        Refusal.AssertRefused(() => SummaryCodec.Encode(Context, encoding, 3, [1, bad, 2], codes, scales), "input[1] is", "finite and at most", scales);

        Assert.That(codes, Is.All.Zero);
    }

    [Test]
    public void CodecTensorsOfAnotherLengthAreRefused()
    {
        var scales = new float[2];
        var output = new float[6];
        Refusal.AssertRefused(
            () => SummaryCodec.Encode(Context, SummaryEncoding.Int8, 3, new float[5], new byte[6], scales), "input has 5", "6", scales);
        Refusal.AssertRefused(
            () => SummaryCodec.Encode(Context, SummaryEncoding.Int4, 3, new float[6], new byte[3], scales), "codes has 3", "4", scales);
        Refusal.AssertRefused(
            () => SummaryCodec.Decode(Context, SummaryEncoding.Int8, 3, new byte[7], scales, output), "codes has 7", "6", output);
        Refusal.AssertRefused(
            () => SummaryCodec.Decode(Context, SummaryEncoding.Int8, 3, new byte[6], scales, output.AsSpan(0, 5)), "output has 5", "6", output);
    }

    [Test]
    public void UnknownElementTypesAreRefusedByName()
    {
        void AssertUnsupported(Action run) =>
            Assert.That(run, Throws.TypeOf<NotSupportedException>().With.Message.Contains("Double").And.Message.Contains("float (fp32), BFloat16 or Half"));

        AssertUnsupported(() => LayerNorm.Forward<double>(Context, 0, 1, 1, [], [], [], []));
        AssertUnsupported(() => Linear.Forward<double>(Context, new LinearShape(0, 1, 1), [], new double[1], [], []));
        AssertUnsupported(() => SegmentReduce.Forward<double>(Context, SegmentReduction.Sum, Empty, 1, [], new double[1]));
        AssertUnsupported(() => LinearAttention.AddToState<double>(Context, new(1, 1, 1), new(), Empty, [], [], new float[1]));
        AssertUnsupported(() => SketchAttention.Forward<double>(Context, new(Empty, 1, 1, 1), new double[1], [], [], new double[1], [], new float[1]));
        AssertUnsupported(() => TimeEmbedding.Forward<double>(Context, new TimeBuckets(2), Empty, 1, [0], [], new double[2], []));
        AssertUnsupported(() => GatedFfn.Forward(
            Context, new GatedFfnShape(0, 1, 1), [], new GatedFfnWeights<double> { Up = new double[1], Gate = new double[1], Down = new double[1] }, []));
    }

    private void RunFfn(GatedFfnShape shape) =>
        GatedFfn.Forward<float>(Context, shape, [], new GatedFfnWeights<float> { Up = new float[6], Gate = new float[6], Down = new float[6] }, []);

    private void RunState(LinearAttentionOptions options) =>
        LinearAttention.AddToState<float>(Context, new(1, 1, 1), options, Empty, [], [], new float[1]);

    private void RunSketch(SketchAttentionShape shape) =>
        SketchAttention.Forward<float>(Context, shape, new float[1], [], [], new float[1], [], new float[1]);
}

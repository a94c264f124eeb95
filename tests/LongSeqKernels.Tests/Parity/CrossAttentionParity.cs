using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class CrossAttentionParity<T>(string backend)
    where T : unmanaged
{
    /// <summary>fp32 sums of products and one exp: a few roundings of the largest logit.</summary>
    private const double LogSumExpError = 2e-6;

    /// <summary>
    /// Far below a rounding to bf16 (4e-3) or fp16 (5e-4); tensor cores take the weights rounded to the storage type, and their sum averages that out.
    /// </summary>
    private double PartialStateError => backend == BackendRegistry.NativeName && typeof(T) != typeof(float) ? UnitRoundoff<T>() / 2 : 3e-6;

    private const int ConcurrentCallers = 4;

    /// <summary>fp32 products on tensor cores are three of TF32, added by truncation: logits lose a little, the more the wider the head.</summary>
    private double TensorCoreError => backend == BackendRegistry.NativeName && typeof(T) == typeof(float) ? 6e-6 : 0;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<CrossAttentionCase> Cases => CrossAttentionCatalogue.All;

    private static IEnumerable<CrossAttentionCase> Representative => CrossAttentionCatalogue.Representative;

    private static IEnumerable<CrossAttentionCase> RepresentativeSoftmax => Representative.Where(c => c.Options.Score == AttentionScore.Softmax);

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(CrossAttentionCase c)
    {
        CrossAttentionExpectation expected = CrossAttentionExpectation.Of<T>(c);

        CrossAttentionResult<T> actual = CrossAttentionRun.Forward(Context, CrossAttentionData<T>.Of(c));

        AssertFlashRule<T>("output", Widen(actual.Output), expected.NaiveOutput, expected.Forward.Output, TensorCoreError);
        AssertClose("logSumExp", actual.LogSumExp, expected.Forward.LogSumExp, LogSumExpError + TensorCoreError);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(CrossAttentionCase c)
    {
        CrossAttentionExpectation expected = CrossAttentionExpectation.Of<T>(c);
        CrossAttentionGradientResult<float> reference = expected.Backward;
        CrossAttentionGradientResult<float> naive = expected.NaiveBackward;
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(c);

        CrossAttentionGradientResult<T> actual = CrossAttentionRun.Backward(Context, data, CrossAttentionRun.Forward(Context, data));

        // The weights are recomputed from an LSE in fp32: its rounding is a relative error of every weight of its row.
        double weightError = TensorCoreError + (UnitRoundoff<float>() * expected.Forward.LogSumExp.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max());
        AssertFlashRule<T>("queryGradient", Widen(actual.Queries), naive.Queries, reference.Queries, weightError);
        AssertFlashRule<T>("keyGradient", Widen(actual.Keys), naive.Keys, reference.Keys, weightError);
        AssertFlashRule<T>("valueGradient", Widen(actual.Values), naive.Values, reference.Values, weightError);
        AssertFlashRule<T>("keyBiasGradient", actual.KeyBias, naive.KeyBias, reference.KeyBias, weightError);
    }

    [TestCase("64 targets, 8 heads")]
    [TestCase("1 targets, 8 heads")]
    [TestCase("shared history, 16 targets of 8 heads")]
    public void ResultsAreRoundedToNearest(string name)
    {
        CrossAttentionCase c = Cases.Single(c => c.Name == name);
        CrossAttentionExpectation expected = CrossAttentionExpectation.Of<T>(c);
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(c);

        CrossAttentionResult<T> forward = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<T> gradient = CrossAttentionRun.Backward(Context, data, forward);

        AssertRoundedToNearest<T>("keyGradient", Widen(gradient.Keys), expected.Backward.Keys, TensorCoreError);
        if (forward.Output.Length > 1000)
        {
            AssertRoundedToNearest<T>("output", Widen(forward.Output), expected.Forward.Output, TensorCoreError);
        }
    }

    [TestCaseSource(nameof(RepresentativeSoftmax))]
    public void PartialStatesAreNotRoundedToTheStorageType(CrossAttentionCase c)
    {
        CrossAttentionResult<float> reference = CrossAttentionExpectation.Of<T>(c).Forward;

        CrossAttentionResult<float> actual = CrossAttentionRun.ForwardState(Context, CrossAttentionData<T>.Of(c));

        AssertClose("stateLogSumExp", actual.LogSumExp, reference.LogSumExp, LogSumExpError);
        Assert.That(RelativeError(actual.Output, reference.Output), Is.LessThan(PartialStateError));
        Assert.That(typeof(T) == typeof(float) || actual.Output.Any(value => Element<T>.ToSingle(Element<T>.FromSingle(value)) != value), "no element has more bits than the storage type");
    }

    [TestCaseSource(nameof(Representative))]
    public void SameInputsGiveTheSameBits(CrossAttentionCase c)
    {
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(c);
        CrossAttentionResult<T> first = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<T> firstGradient = CrossAttentionRun.Backward(Context, data, first);

        CrossAttentionResult<T> second = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<T> secondGradient = CrossAttentionRun.Backward(Context, data, second);

        AssertSame(second, first);
        AssertSame(secondGradient, firstGradient);
    }

    [Test]
    public void ConcurrentCallsOnOneContextGiveTheSameBits()
    {
        CrossAttentionData<T>[] data = [.. Representative.Select(CrossAttentionData<T>.Of)];
        CrossAttentionResult<T>[] expected = [.. data.Select(d => CrossAttentionRun.Forward(Context, d))];
        CrossAttentionGradientResult<T>[] expectedGradients = [.. data.Select((d, i) => CrossAttentionRun.Backward(Context, d, expected[i]))];

        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, ConcurrentCallers).Select(caller => new Thread(() =>
        {
            try
            {
                for (int i = 0; i < data.Length; i++)
                {
                    int mine = (i + caller) % data.Length;
                    AssertSame(CrossAttentionRun.Forward(Context, data[mine]), expected[mine]);
                    AssertSame(CrossAttentionRun.Backward(Context, data[mine], expected[mine]), expectedGradients[mine]);
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());

        Assert.That(failure, Is.Null);
    }

    [Test]
    public void EmptyHistoryGivesZeroRows()
    {
        CrossAttentionCase c = CrossAttentionCatalogue.All.Single(c => c.Name == "empty history");
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(c);

        CrossAttentionResult<T> actual = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<T> gradient = CrossAttentionRun.Backward(Context, data, actual);

        Assert.That(Widen(actual.Output), Is.All.Zero);
        Assert.That(actual.LogSumExp, Is.All.EqualTo(float.NegativeInfinity));
        Assert.That(Widen(gradient.Queries), Is.All.Zero);
    }

    [TestCase(HistoryForm.Projected)]
    [TestCase(HistoryForm.Shared)]
    public void NeighbouringSegmentsAreNeverRead(HistoryForm form)
    {
        CrossAttentionShape shape = new()
        {
            Targets = JaggedLayout.FromLengths(4, 7, 3),
            History = JaggedLayout.FromLengths(70, 61, 130),
            Heads = 4,
            HeadWidth = 40,
            Form = form,
        };
        CrossAttentionData<T> clean = CrossAttentionData<T>.Of(new("neighbours", shape)
        {
            Bias = CaseBias.Normal,
            Options = new() { Scale = 0.15f },
        });
        CrossAttentionData<T> poisoned = clean with
        {
            Queries = PoisonOutside(clean.Queries, shape.Targets, 1),
            Keys = PoisonOutside(clean.Keys, shape.History, 1),
            Values = PoisonOutside(clean.Values, shape.History, 1),
            KeyBias = PoisonOutside(clean.KeyBias, shape.History, 1),
            OutputGradient = PoisonOutside(clean.OutputGradient, shape.Targets, 1),
            LogSumExpGradient = PoisonOutside(clean.LogSumExpGradient, shape.Targets, 1),
        };
        CrossAttentionResult<T> expected = CrossAttentionRun.Forward(Context, clean);
        CrossAttentionGradientResult<T> expectedGradient = CrossAttentionRun.Backward(Context, clean, expected);

        CrossAttentionResult<T> actual = CrossAttentionRun.Forward(Context, poisoned);
        CrossAttentionGradientResult<T> gradient = CrossAttentionRun.Backward(Context, poisoned, actual);

        AssertSameBits(Segment(actual.Output, shape.Targets, 1), Segment(expected.Output, shape.Targets, 1), "output");
        AssertSameBits(Segment(actual.LogSumExp, shape.Targets, 1), Segment(expected.LogSumExp, shape.Targets, 1), "logSumExp");
        AssertSameBits(Segment(gradient.Queries, shape.Targets, 1), Segment(expectedGradient.Queries, shape.Targets, 1), "queryGradient");
        AssertSameBits(Segment(gradient.Keys, shape.History, 1), Segment(expectedGradient.Keys, shape.History, 1), "keyGradient");
        AssertSameBits(Segment(gradient.Values, shape.History, 1), Segment(expectedGradient.Values, shape.History, 1), "valueGradient");
        AssertSameBits(Segment(gradient.KeyBias, shape.History, 1), Segment(expectedGradient.KeyBias, shape.History, 1), "keyBiasGradient");
    }

    [Test]
    public void RowsBeyondTheLimitAreNeverRead([Values] HistoryForm form, [Values(1, 63, 64, 65)] int limit, [Values(1, 20)] int targets)
    {
        CrossAttentionShape shape = new()
        {
            Targets = JaggedLayout.FromLengths(targets),
            History = JaggedLayout.FromLengths(150),
            Heads = 2,
            HeadWidth = 32,
            Form = form,
            HistoryLimits = Enumerable.Repeat((long)limit, targets).ToArray(),
        };
        CrossAttentionData<T> clean = CrossAttentionData<T>.Of(new("limit", shape) { Bias = CaseBias.Normal, Options = new() { Scale = 0.2f } });
        JaggedLayout seen = JaggedLayout.FromLengths(limit, shape.History.Total - limit);
        CrossAttentionData<T> poisoned = clean with
        {
            Keys = PoisonOutside(clean.Keys, seen, 0),
            Values = PoisonOutside(clean.Values, seen, 0),
            KeyBias = PoisonOutside(clean.KeyBias, seen, 0),
        };
        CrossAttentionResult<T> expected = CrossAttentionRun.Forward(Context, clean);
        CrossAttentionGradientResult<T> expectedGradient = CrossAttentionRun.Backward(Context, clean, expected);

        CrossAttentionResult<T> actual = CrossAttentionRun.Forward(Context, poisoned);
        CrossAttentionGradientResult<T> gradient = CrossAttentionRun.Backward(Context, poisoned, actual);

        AssertSame(actual, expected);
        AssertSame(gradient, expectedGradient);
        Assert.That(Widen(Segment(gradient.Keys, seen, 1)), Is.All.Zero, "keyGradient beyond the limit");
        Assert.That(Segment(gradient.KeyBias, seen, 1), Is.All.Zero, "keyBiasGradient beyond the limit");
    }

    [TestCaseSource(nameof(Representative))]
    public void GradientsThatAreNotWantedDoNotChangeTheOthers(CrossAttentionCase c)
    {
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(c);
        CrossAttentionResult<T> forward = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<T> all = CrossAttentionRun.Backward(Context, data, forward);
        CrossAttentionPlan plan = CrossAttention.Plan(Context, c.Shape, c.Options);
        void Run(Span<T> queries, Span<T> keys, Span<T> values) => CrossAttention.Backward(
            plan, data.Queries, data.Keys, data.Values, forward.Output, forward.LogSumExp, data.OutputGradient,
            queries, keys, values, data.KeyBias, default, data.LogSumExpGradient);

        var queries = new T[all.Queries.Length];
        var keys = new T[all.Keys.Length];
        var values = new T[all.Values.Length];
        Run(queries, default, default);
        Run(default, keys, default);
        Run(default, default, values);

        AssertSameBits(queries, all.Queries, "queryGradient");
        AssertSameBits(keys, all.Keys, "keyGradient");
        AssertSameBits(values, all.Values, "valueGradient");
    }

    private static void AssertSame(CrossAttentionResult<T> actual, CrossAttentionResult<T> expected)
    {
        AssertSameBits(actual.Output, expected.Output, "output");
        AssertSameBits(actual.LogSumExp, expected.LogSumExp, "logSumExp");
    }

    private static void AssertSame(CrossAttentionGradientResult<T> actual, CrossAttentionGradientResult<T> expected)
    {
        AssertSameBits(actual.Queries, expected.Queries, "queryGradient");
        AssertSameBits(actual.Keys, expected.Keys, "keyGradient");
        AssertSameBits(actual.Values, expected.Values, "valueGradient");
        AssertSameBits(actual.KeyBias, expected.KeyBias, "keyBiasGradient");
    }
}

using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

/// <summary>Cross attention that decodes its history as it reads it.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class EncodedCrossAttentionParity<T>(string backend)
    where T : unmanaged
{
    /// <summary>fp32 sums of products and one exp: a few roundings of the largest logit.</summary>
    private const double LogSumExpError = 2e-6;

    private bool IsNative => backend == BackendRegistry.NativeName;

    /// <summary>Tensor cores take keys, values and weights in the queries' type; everything else is fp32.</summary>
    private double PartialStateError => IsNative && typeof(T) != typeof(float) ? UnitRoundoff<T>() : 3e-6;

    /// <summary>fp32 products on tensor cores are three of TF32, added by truncation: logits lose a little, the more the wider the head.</summary>
    private double TensorCoreError => IsNative && typeof(T) == typeof(float) ? 6e-6 : 0;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<EncodedCrossAttentionCase> Cases => EncodedCrossAttentionCase.All;

    private static IEnumerable<EncodedCrossAttentionCase> Representative => EncodedCrossAttentionCase.Representative;

    private static IEnumerable<EncodedCrossAttentionCase> RepresentativeSoftmax =>
        Representative.Where(c => c.Case.Options.Score == AttentionScore.Softmax);

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesAttentionToTheDecodedRows(EncodedCrossAttentionCase c)
    {
        EncodedCrossAttentionExpectation expected = EncodedCrossAttentionExpectation.Of<T>(c);

        CrossAttentionResult<T> actual = EncodedCrossAttentionRun.Forward(Context, EncodedCrossAttentionData<T>.Of(c));

        AssertFlashRule<T>("output", Widen(actual.Output), expected.Naive.Output, expected.Forward.Output, TensorCoreError);
        AssertLogSumExp("logSumExp", actual.LogSumExp, expected);
    }

    [TestCaseSource(nameof(RepresentativeSoftmax))]
    public void PartialStatesAreNotRoundedToTheStorageType(EncodedCrossAttentionCase c)
    {
        EncodedCrossAttentionExpectation expected = EncodedCrossAttentionExpectation.Of<T>(c);

        CrossAttentionResult<float> actual = EncodedCrossAttentionRun.ForwardState(Context, EncodedCrossAttentionData<T>.Of(c));

        AssertLogSumExp("stateLogSumExp", actual.LogSumExp, expected);
        Assert.That(RelativeError(actual.Output, expected.Forward.Output), Is.LessThan(PartialStateError));
        Assert.That(typeof(T) == typeof(float) || actual.Output.Any(value => Element<T>.ToSingle(Element<T>.FromSingle(value)) != value), "no element has more bits than the storage type");
    }

    [TestCaseSource(nameof(Representative))]
    public void SameInputsGiveTheSameBits(EncodedCrossAttentionCase c)
    {
        EncodedCrossAttentionData<T> data = EncodedCrossAttentionData<T>.Of(c);
        CrossAttentionResult<T> first = EncodedCrossAttentionRun.Forward(Context, data);

        CrossAttentionResult<T> second = EncodedCrossAttentionRun.Forward(Context, data);

        AssertSameBits(second.Output, first.Output, "output");
        AssertSameBits(second.LogSumExp, first.LogSumExp, "logSumExp");
    }

    [Test]
    public void EmptyHistoryGivesZeroRows([Values] SummaryEncoding encoding)
    {
        EncodedCrossAttentionCase c = new(CrossAttentionCatalogue.All.Single(c => c.Name == "empty history"), encoding);

        CrossAttentionResult<T> actual = EncodedCrossAttentionRun.Forward(Context, EncodedCrossAttentionData<T>.Of(c));

        Assert.That(Widen(actual.Output), Is.All.Zero);
        Assert.That(actual.LogSumExp, Is.All.EqualTo(float.NegativeInfinity));
    }

    [Test]
    public void NeighbouringSegmentsAreNeverRead([Values] HistoryForm form, [Values] SummaryEncoding encoding, [Values(1, 7)] int targets)
    {
        CrossAttentionShape shape = new()
        {
            Targets = JaggedLayout.FromLengths(4, targets, 3),
            History = JaggedLayout.FromLengths(70, 61, 130),
            Heads = 2,
            HeadWidth = 48,
            Form = form,
        };
        EncodedCrossAttentionData<T> clean = EncodedCrossAttentionData<T>.Of(new(new("neighbours", shape)
        {
            Bias = CaseBias.Normal,
            Options = new() { Scale = 0.15f },
        }, encoding));
        EncodedCrossAttentionData<T> poisoned = clean with
        {
            Keys = clean.Keys.PoisonOutside(shape.History, 1),
            Values = clean.Values.PoisonOutside(shape.History, 1),
        };
        CrossAttentionResult<T> expected = EncodedCrossAttentionRun.Forward(Context, clean);

        CrossAttentionResult<T> actual = EncodedCrossAttentionRun.Forward(Context, poisoned);

        AssertSameBits(Segment(actual.Output, shape.Targets, 1), Segment(expected.Output, shape.Targets, 1), "output");
        AssertSameBits(Segment(actual.LogSumExp, shape.Targets, 1), Segment(expected.LogSumExp, shape.Targets, 1), "logSumExp");
    }

    [Test]
    public void RowsBeyondTheLimitAreNeverRead([Values] SummaryEncoding encoding, [Values(1, 63, 65)] int limit, [Values(1, 20)] int targets)
    {
        CrossAttentionShape shape = new()
        {
            Targets = JaggedLayout.FromLengths(targets),
            History = JaggedLayout.FromLengths(150),
            Heads = 2,
            HeadWidth = 32,
            HistoryLimits = Enumerable.Repeat((long)limit, targets).ToArray(),
        };
        EncodedCrossAttentionData<T> clean = EncodedCrossAttentionData<T>.Of(new(new("limit", shape), encoding));
        JaggedLayout seen = JaggedLayout.FromLengths(limit, shape.History.Total - limit);
        EncodedCrossAttentionData<T> poisoned = clean with
        {
            Keys = clean.Keys.PoisonOutside(seen, 0),
            Values = clean.Values.PoisonOutside(seen, 0),
        };
        CrossAttentionResult<T> expected = EncodedCrossAttentionRun.Forward(Context, clean);

        CrossAttentionResult<T> actual = EncodedCrossAttentionRun.Forward(Context, poisoned);

        AssertSameBits(actual.Output, expected.Output, "output");
        AssertSameBits(actual.LogSumExp, expected.LogSumExp, "logSumExp");
    }

    /// <summary>Keys that tensor cores take in bf16 or fp16 have lost digits, as those of the naive computation have; elsewhere logits are fp32.</summary>
    private void AssertLogSumExp(string name, float[] actual, EncodedCrossAttentionExpectation expected)
    {
        float[] reference = expected.Forward.LogSumExp;
        if (!IsNative || typeof(T) == typeof(float) || reference.Length == 0)
        {
            AssertClose(name, actual, reference, LogSumExpError + TensorCoreError);
            return;
        }
        static float[] Finite(float[] values) => [.. values.Select(value => float.IsNegativeInfinity(value) ? 0 : value)];
        Assert.That(actual.Select(float.IsNegativeInfinity), Is.EqualTo(reference.Select(float.IsNegativeInfinity)), name);
        AssertFlashRule<T>(name, Finite(actual), Finite(expected.Naive.LogSumExp), Finite(reference));
    }
}

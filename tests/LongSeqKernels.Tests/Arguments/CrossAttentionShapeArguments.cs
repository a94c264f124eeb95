using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What a plan of cross attention refuses.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.ArgumentBackends))]
public sealed class CrossAttentionShapeArguments(string backend)
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static CrossAttentionShape Good => new()
    {
        Targets = JaggedLayout.FromLengths(2, 3),
        History = JaggedLayout.FromLengths(5, 7),
        Heads = 4,
        HeadWidth = 8,
    };

    private static IEnumerable<TestCaseData> BadShapes =>
        [
            Case(Good with { Heads = 0 }, "Heads is 0", "from 1 to 65536"),
            Case(Good with { Heads = -3 }, "Heads is -3", "from 1 to 65536"),
            Case(Good with { HeadWidth = 0 }, "HeadWidth is 0", "from 1 to 65536"),
            Case(Good with { HeadWidth = 100_000 }, "HeadWidth is 100000", "from 1 to 65536"),
            Case(Good with { Heads = 65536, HeadWidth = 65536 }, "QueriesPerTarget * Heads * HeadWidth is 4294967296", "4194304 elements"),
            Case(Good with { QueriesPerTarget = 0 }, "QueriesPerTarget is 0", "from 1 to 65536"),
            Case(Good with { Form = (HistoryForm)9 }, "Form is 9", "one of Projected, Shared"),
            Case(Good with { Targets = JaggedLayout.FromLengths(2) }, "Targets is a layout of 1 segments", "a layout of 2 segments"),
            Case(Good with { KeyValueHeads = 3 }, "KeyValueHeads is 3", "a divisor of Heads (4)"),
            Case(Good with { KeyValueHeads = 8 }, "KeyValueHeads is 8", "a divisor of Heads (4)"),
            Case(Good with { KeyValueHeads = -2 }, "KeyValueHeads is -2", "a divisor of Heads (4)"),
            Case(Good with { Form = HistoryForm.Shared, KeyValueHeads = 2 }, "KeyValueHeads is 2", "1 (or 0 for the default)"),
            Case(Good with { HistoryLimits = new long[4] }, "HistoryLimits has 4 elements", "5 (one per target"),
            Case(Good with { HistoryLimits = new long[] { 1, 2, -1, 0, 0 } }, "HistoryLimits[2] is -1", "0 or more"),
            Case(Good with { BroadcastQueries = true }, "Targets is 3 targets in segment 1", "2 in every segment"),
        ];

    private static IEnumerable<TestCaseData> BadOptions =>
        [
            OptionCase(new() { Scale = float.NaN }, "Scale is NaN", "finite"),
            OptionCase(new() { Scale = float.PositiveInfinity }, "Scale is ", "finite"),
            OptionCase(new() { SoftCap = float.NaN }, "SoftCap is NaN", "finite and 0 or more"),
            OptionCase(new() { SoftCap = -1 }, "SoftCap is -1", "finite and 0 or more"),
            OptionCase(new() { Score = (AttentionScore)7 }, "Score is 7", "one of Softmax, Silu, Identity"),
            OptionCase(new() { Score = AttentionScore.Silu, ScoreDivisor = float.NaN }, "ScoreDivisor is NaN", "finite and 0 or more"),
            OptionCase(new() { Score = AttentionScore.Silu, ScoreDivisor = -2 }, "ScoreDivisor is -2", "finite and 0 or more"),
            OptionCase(new() { ScoreDivisor = 5 }, "ScoreDivisor is 5", "0 for softmax"),
        ];

    [TestCaseSource(nameof(BadShapes))]
    public void ABadShapeIsRefused(CrossAttentionShape shape, string was, string mustBe) =>
        Refusal.AssertRefused(() => CrossAttention.Plan(Context, shape, new() { Scale = 1 }), was, mustBe);

    [TestCaseSource(nameof(BadOptions))]
    public void ABadOptionIsRefused(CrossAttentionOptions options, string was, string mustBe) =>
        Refusal.AssertRefused(() => CrossAttention.Plan(Context, Good, options), was, mustBe);

    [Test]
    public void SharedHistoryNeedsAScale() =>
        Refusal.AssertRefused(() => CrossAttention.Plan(Context, Good with { Form = HistoryForm.Shared }), "Scale is not given", "1 / sqrt");

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(1 << 20)]
    public void ABadNumberOfSeedsIsRefused(int seeds) =>
        Refusal.AssertRefused(() => SummaryPooling.Plan(Context, Good.History, seeds, 2, 8), $"seeds is {seeds}", "from 1 to 65536");

    [Test]
    public void ADisposedContextIsRefused()
    {
        LongSeqContext disposed = LongSeqContext.Create(Backend.Reference);
        CrossAttentionPlan plan = CrossAttention.Plan(disposed, Good);
        disposed.Dispose();

        Assert.That(() => CrossAttention.Plan(disposed, Good), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(
            () => CrossAttention.Forward<float>(plan, new float[160], new float[384], new float[384], new float[160]),
            Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void ThePlanKeepsItsOwnCopyOfTheLimits()
    {
        long[] limits = [1, 2, 3, 4, 5];
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Good with { HistoryLimits = limits });

        limits[0] = -7;

        Assert.That(plan.Shape.HistoryLimits.Span[0], Is.EqualTo(1));
    }

    private static TestCaseData Case(CrossAttentionShape shape, string was, string mustBe) => new TestCaseData(shape, was, mustBe).SetArgDisplayNames(was);

    private static TestCaseData OptionCase(CrossAttentionOptions options, string was, string mustBe) => new TestCaseData(options, was, mustBe).SetArgDisplayNames(was);
}

using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Summaries that appended events extend, against summaries of the whole history.</summary>
[TestFixture(Backend.Reference)]
[TestFixture(Backend.Managed)]
public sealed class AppendTests(Backend backend)
{
    private static readonly VistaConfig Appendable = VistaCases.Default with { Layers = 1, TimeReference = TimeReference.PreviousEvent };

    private LongSeqContext _context = null!;

    private static IEnumerable<TestCaseData> Configurations() =>
    [
        new TestCaseData(Appendable).SetArgDisplayNames("QuasiLinear"),
        new TestCaseData(Appendable with { StateScale = StateScale.InverseRows, SeedsVisible = false }).SetArgDisplayNames("MeanState"),
        new TestCaseData(Appendable with { TimeGaps = null, TimeReference = TimeReference.Request }).SetArgDisplayNames("NoTimeGaps"),
        new TestCaseData(Appendable with { Summariser = SummariserKind.SeedPooling }).SetArgDisplayNames("SeedPooling"),
        new TestCaseData(Appendable with { Summariser = SummariserKind.Sketch }).SetArgDisplayNames("Sketch"),
        new TestCaseData(Appendable with { Summariser = SummariserKind.Sketch, SketchNormalization = SlotNormalization.Mass }).SetArgDisplayNames("SketchMeans"),
        new TestCaseData(Appendable with { Summariser = SummariserKind.NewestEvents, Seeds = 20 }).SetArgDisplayNames("NewestEvents"),
        new TestCaseData(Appendable with { NewestTokens = 20 }).SetArgDisplayNames("QuasiLinearAndNewestEvents"),
    ];

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(backend);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(nameof(Configurations))]
    public void AppendedSummaryEqualsThatOfTheWholeHistory(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        UserHistory whole = User(StcaCases.Batch(config, 31, [90], requestsPerSegment: 1));
        var summariser = new VistaSummariser(_context, model, SummaryEncoding.Float16, maxEvents: 16);
        UserSummary expected = summariser.Summarise(whole, out SummaryState expectedState);
        foreach (int[] cuts in new[] { new[] { 90 }, [0, 90], [1, 2, 90], [30, 30, 60, 90], [89, 90] })
        {
            UserSummary summary = summariser.Summarise(Slice(whole, 0, cuts[0]), out SummaryState state);
            for (int i = 1; i < cuts.Length; i++)
            {
                // What a store keeps is bytes.
                summary = summariser.Append(SummaryState.FromBytes(state.ToBytes()), Slice(whole, cuts[i - 1], cuts[i]), out state);
            }
            Assert.That((state.Events, state.NewestTime, state.Kind), Is.EqualTo((90L, whole.Times.Span[^1], config.Summariser)));
            Assert.That(summary.Tokens, Is.EqualTo(expected.Tokens));
            ModelCompare.ForAll([("state", Numbers(state))], [("whole state", Numbers(expectedState))], 1e-6);
            Assert.That(Rows(summary), Is.EqualTo(Rows(expected)).Within(4e-3), string.Join(", ", cuts));
        }
    }

    [Test]
    public void WhatCannotBeExtendedSaysWhy()
    {
        Obstacle(Appendable with { Layers = 3 }, "The summariser has 3 layers");
        Obstacle(Appendable with { TimeReference = TimeReference.NewestEvent }, "Time gaps are counted to NewestEvent");
        Obstacle(Appendable with { TimeReference = TimeReference.Request, Summariser = SummariserKind.SeedPooling }, "Time gaps are counted to Request");
        Assert.That(new VistaSummariser(_context, VistaCases.Model(Appendable)).CanAppend, Is.True);
    }

    [Test]
    public void StatesOfOtherModelsAreRefused()
    {
        UserHistory user = User(StcaCases.Batch(Appendable, 32, [9], requestsPerSegment: 1));
        new VistaSummariser(_context, VistaCases.Model(Appendable)).Summarise(user, out SummaryState state);
        var other = new VistaSummariser(_context, VistaCases.Model(Appendable with { Seeds = 4 }));
        Assert.That(() => other.Append(state, user, out _), Throws.InstanceOf<ArgumentException>().With.Message.Contains("earlier is of a QuasiLinear summariser with 3 tokens"));
        var longer = new VistaSummariser(_context, VistaCases.Model(Appendable with { NewestTokens = 2 }));
        Assert.That(() => longer.Append(state, user, out _), Throws.InstanceOf<ArgumentException>().With.Message.Contains("32 numbers; it must be").And.Message.Contains("48 numbers"));
        Assert.That(
            () => new VistaSummariser(_context, VistaCases.Model(Appendable)).Append(SummaryState.FromBytes(state.ToBytes().AsSpan()[..^4]), user, out _),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("31 numbers; it must be").And.Message.Contains("32 numbers"));
    }

    [Test]
    public void BytesThatAreNoStateAreRefused()
    {
        new VistaSummariser(_context, VistaCases.Model(Appendable)).Summarise(User(StcaCases.Batch(Appendable, 33, [9], requestsPerSegment: 1)), out SummaryState state);
        byte[] valid = state.ToBytes();
        Refused([], "0 bytes");
        Refused(valid[..39], "39 bytes");
        Refused(valid[..^1], "bytes");
        Refused([1, .. valid[1..]], "do not start as a summary state");
        Refused([.. valid[..4], 9, .. valid[5..]], "format version 9; it must be 1");
        Refused([.. valid[..8], 77, .. valid[9..]], "summariser 77");
        Refused([.. valid[..31], 0xFF, .. valid[32..]], "events by the summariser QuasiLinear");
        foreach (byte[] bytes in Fuzz.Mutations(valid, 3, 200))
        {
            try
            {
                SummaryState.FromBytes(bytes);
            }
            catch (InvalidDataException)
            {
                // The one kind of error that there may be.
            }
        }
    }

    private static void Refused(byte[] bytes, string message) =>
        Assert.That(() => SummaryState.FromBytes(bytes), Throws.TypeOf<InvalidDataException>().With.Message.Contains(message));

    private void Obstacle(VistaConfig config, string why)
    {
        var summariser = new VistaSummariser(_context, VistaCases.Model(config));
        Assert.That(summariser.CanAppend, Is.False);
        Assert.That(summariser.AppendObstacle, Does.Contain(why));
        Assert.That(
            () => summariser.Summarise(User(StcaCases.Batch(config, 1, [2], requestsPerSegment: 1)), out _), Throws.TypeOf<NotSupportedException>().With.Message.Contains(why));
    }

    private float[] Rows(UserSummary summary)
    {
        var rows = new float[summary.Tokens * summary.Width];
        summary.Decode(_context, rows);
        return rows;
    }

    private static float[] Numbers(SummaryState state) => [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(state.ToBytes().AsSpan(40))];

    private static UserHistory User(RequestBatch batch) =>
        new() { Items = batch.HistoryItems, Actions = batch.HistoryActions, Times = batch.HistoryTimes, RequestTime = batch.RequestTimes.Span[0] };

    private static UserHistory Slice(UserHistory user, int from, int to) =>
        new() { Items = user.Items[from..to], Actions = user.Actions[from..to], Times = user.Times[from..to], RequestTime = user.RequestTime };
}

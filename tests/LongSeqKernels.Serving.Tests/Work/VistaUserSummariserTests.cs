using LongSeqKernels.Models;

namespace LongSeqKernels.Serving.Tests;

public sealed class VistaUserSummariserTests
{
    private const int Events = 40;

    private static readonly VistaConfig Appendable = new()
    {
        Items = 20,
        Width = 16,
        Heads = 2,
        Layers = 1,
        Seeds = 4,
        TimeReference = TimeReference.PreviousEvent,
    };

    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Managed);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [Test]
    public void AppendedEventsExtendASummary()
    {
        VistaUserSummariser summariser = Summariser(Appendable);
        SummarisedUser whole = summariser.Summarise(User(Events), null);
        SummarisedUser first = summariser.Summarise(User(25), null);
        SummarisedUser extended = summariser.Summarise(User(Events), new EarlierState(25, first.State));
        Assert.That(Rows(extended.Summary), Is.EqualTo(Rows(whole.Summary)).Within(2e-3));
        Assert.That(Rows(first.Summary), Is.Not.EqualTo(Rows(whole.Summary)).Within(2e-3));
        // A state that was made of other events shows that it is the state that is read, not the first events again.
        SummarisedUser other = summariser.Summarise(User(25, shift: 7), null);
        Assert.That(Rows(summariser.Summarise(User(Events), new EarlierState(25, other.State)).Summary), Is.Not.EqualTo(Rows(whole.Summary)).Within(2e-3));
    }

    [Test]
    public void StatesThatCannotBeReadOrAreOfOtherEventsAreNotUsed()
    {
        VistaUserSummariser summariser = Summariser(Appendable);
        byte[] whole = Bytes(summariser.Summarise(User(Events), null));
        byte[] state = summariser.Summarise(User(25, shift: 7), null).State.ToArray();
        Assert.That(Bytes(summariser.Summarise(User(Events), new EarlierState(25, state.AsMemory(1)))), Is.EqualTo(whole));
        Assert.That(Bytes(summariser.Summarise(User(Events), new EarlierState(24, state))), Is.EqualTo(whole));
    }

    [Test]
    public void ModelsThatCannotBeExtendedKeepNoState()
    {
        VistaUserSummariser summariser = Summariser(Appendable with { Layers = 2 });
        SummarisedUser whole = summariser.Summarise(User(Events), null);
        Assert.That(whole.State.IsEmpty, Is.True);
        Assert.That(Bytes(summariser.Summarise(User(Events), new EarlierState(3, new byte[9]))), Is.EqualTo(Bytes(whole)));
    }

    private VistaUserSummariser Summariser(VistaConfig config) => new(new VistaSummariser(_context, VistaModel.Create(config), SummaryEncoding.Float16));

    private static byte[] Bytes(SummarisedUser user) => user.Summary.Codes.ToArray();

    private float[] Rows(UserSummary summary)
    {
        var rows = new float[summary.Tokens * summary.Width];
        summary.Decode(_context, rows);
        return rows;
    }

    private static UserHistory User(int events, int shift = 0) => new()
    {
        Items = Enumerable.Range(0, events).Select(i => ((i * i) + shift) % Appendable.Items).ToArray(),
        Times = Enumerable.Range(0, events).Select(i => 500L * i).ToArray(),
        RequestTime = 500L * events,
    };
}

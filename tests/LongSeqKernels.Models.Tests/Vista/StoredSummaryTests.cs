using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Scores from stored summaries.</summary>
[TestFixture(Backend.Reference)]
[TestFixture(Backend.Managed)]
public sealed class StoredSummaryTests(Backend backend)
{
    private const int Candidates = 40;

    private static readonly VistaConfig Small = VistaCases.Default with { Width = 32, Heads = 4, Seeds = 16 };

    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(backend);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    /// <summary>With no candidate layers and few candidates the attention reads the codes; else they are decoded first.</summary>
    [Test]
    public void ScoresAreCloseToThoseOfFullPrecision([Values] SummaryEncoding encoding, [Values(0, 2)] int candidateLayers, [Values(3, Candidates)] int candidates)
    {
        VistaConfig config = Small with { CandidateLayers = candidateLayers };
        VistaModel model = VistaCases.Model(config);
        RequestBatch batch = StcaCases.Batch(config, 21, [200], requestsPerSegment: 1, targetsPerRequest: Candidates);
        var scorer = new VistaScorer(_context, model);
        var exact = new float[Candidates];
        scorer.Score(batch, exact);
        UserSummary summary = new VistaSummariser(_context, model, encoding).Summarise(User(batch));
        var stored = new float[candidates];
        scorer.Score(summary, batch.TargetItems[..candidates], batch.TargetContext[..(candidates * config.ContextWidth)], stored);
        double mean = exact.Average();
        double deviation = Math.Sqrt(exact.Average(x => (x - mean) * (x - mean)));
        double allowed = encoding switch { SummaryEncoding.Float16 => 1e-3, SummaryEncoding.Int8 => 1e-2, _ => 0.2 };
        double change = Math.Sqrt(stored.Zip(exact).Average(pair => (pair.First - pair.Second) * (pair.First - pair.Second)));
        Assert.That(summary.Tokens, Is.EqualTo(16));
        Assert.That(change, Is.LessThan(allowed * deviation));
        Assert.That(change, Is.GreaterThan(0), "stored scores that are exact were not made from what is stored");
    }

    [Test]
    public void UsersTogetherScoreAsUsersAlone([Values] SummaryEncoding encoding, [Values(0, 2)] int candidateLayers)
    {
        VistaConfig config = Small with { CandidateLayers = candidateLayers, Summariser = SummariserKind.NewestEvents, Layers = 1 };
        VistaModel model = VistaCases.Model(config);
        var summariser = new VistaSummariser(_context, model, encoding);
        RequestBatch[] users = [.. new long[] { 30, 0, 7 }.Select(length => StcaCases.Batch(config, 30 + length, [length], requestsPerSegment: 1))];
        UserSummary[] summaries = [.. users.Select(user => summariser.Summarise(User(user)))];
        var scorer = new VistaScorer(_context, model);
        float[] alone = [.. users.Zip(summaries).SelectMany(pair =>
        {
            var logits = new float[3];
            scorer.Score(pair.Second, pair.First.TargetItems, pair.First.TargetContext, logits);
            return logits;
        })];
        var together = new float[9];
        scorer.Score(summaries, JaggedLayout.Uniform(3, 3), Join(users, user => user.TargetItems), Join(users, user => user.TargetContext), together);
        Assert.That(summaries.Select(summary => summary.Tokens), Is.EqualTo(new[] { 16, 0, 7 }));
        Assert.That(together, Is.EqualTo(alone).Within(1e-5));
    }

    [Test]
    public void UsersSummarisedTogetherAreSummarisedAlone([Values] SummariserKind kind)
    {
        VistaConfig config = Small with { Summariser = kind, Layers = kind == SummariserKind.NewestEvents ? 1 : 2 };
        var summariser = new VistaSummariser(_context, VistaCases.Model(config), SummaryEncoding.Float16);
        UserHistory[] users = [.. new long[] { 30, 0, 7 }.Select(length => User(StcaCases.Batch(config, 30 + length, [length], requestsPerSegment: 1)))];
        UserSummary[] together = summariser.Summarise(users);
        for (int user = 0; user < users.Length; user++)
        {
            Assert.That(Rows(together[user]), Is.EqualTo(Rows(summariser.Summarise(users[user]))).Within(4e-3));
        }
        Assert.That(summariser.Summarise([]), Is.Empty);
    }

    [Test]
    public void EncodingsMayBeMixed()
    {
        VistaConfig config = Small with { CandidateLayers = 0 };
        VistaModel model = VistaCases.Model(config);
        RequestBatch user = StcaCases.Batch(config, 22, [50], requestsPerSegment: 1);
        UserSummary[] summaries = [.. Enum.GetValues<SummaryEncoding>().Select(encoding => new VistaSummariser(_context, model, encoding).Summarise(User(user)))];
        RequestBatch[] users = [user, user, user];
        var logits = new float[9];
        new VistaScorer(_context, model).Score(summaries, JaggedLayout.Uniform(3, 3), Join(users, one => one.TargetItems), Join(users, one => one.TargetContext), logits);
        Assert.That(logits[3..6], Is.EqualTo(logits[..3]).Within(0.1));
    }

    [Test]
    public void SummariesThatDoNotFitAreNamed()
    {
        VistaModel model = VistaCases.Model(Small);
        var scorer = new VistaScorer(_context, model);
        var narrow = new UserSummary(2, 31, SummaryEncoding.Int8, new byte[62], new float[2]);
        var fits = new UserSummary(2, 32, SummaryEncoding.Int8, new byte[64], new float[2]);
        var logits = new float[3];
        Refused(() => scorer.Score(narrow, new int[3], new float[6], logits), "summaries[0].Width is 31; it must be 32, the width of the model");
        Refused(() => scorer.Score([fits, fits], JaggedLayout.Uniform(1, 3), new int[3], new float[6], logits), "targets is a layout of 1 users; it must be a layout of 2 users");
        Refused(() => scorer.Score(fits, new[] { 1, 2, 23 }, new float[6], logits), "TargetItems[2] is 23; it must be from 0 to 22");
        Refused(() => scorer.Score(fits, new int[3], new float[5], logits), "TargetContext has 5 elements");
        Refused(() => scorer.Score(fits, new int[2], new float[4], logits), "logits has 3 elements; it must have 2");
    }

    [Test]
    public void HistoriesWhoseColumnsDifferAreRefusedAlsoInABatch()
    {
        var summariser = new VistaSummariser(_context, VistaCases.Model(Small));
        UserHistory User(int items, int times) => new() { Items = new int[items], Actions = new int[items], Times = new long[times], RequestTime = 1 };
        Refused(() => summariser.Summarise(User(3, 2)), "HistoryTimes has 2 elements; it must have 3");
        Refused(() => summariser.Summarise([User(3, 2), User(2, 3)]), "HistoryTimes has 2 elements; it must have 3");
    }

    [Test]
    public void NoUsersNoScores() =>
        Assert.That(() => new VistaScorer(_context, VistaCases.Model(Small)).Score([], JaggedLayout.Uniform(0, 0), default, default, default), Throws.Nothing);

    [Test]
    public void WeightsThatAreNotFiniteGiveNoSummary()
    {
        VistaModel model = VistaCases.Model(Small);
        model.Parameters.Parameters.Single(parameter => parameter.Name == "seeds").Values[3] = float.NaN;
        model.Parameters.MarkChanged();
        Assert.That(
            () => new VistaSummariser(_context, model).Summarise(User(StcaCases.Batch(Small, 1, [5], requestsPerSegment: 1))),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("NaN; it must be finite"));
    }

    private float[] Rows(UserSummary summary)
    {
        var rows = new float[summary.Tokens * summary.Width];
        summary.Decode(_context, rows);
        return rows;
    }

    private static void Refused(Action score, string message) => Assert.That(score, Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    private static UserHistory User(RequestBatch batch) =>
        new() { Items = batch.HistoryItems, Actions = batch.HistoryActions, Times = batch.HistoryTimes, RequestTime = batch.RequestTimes.Span[0] };

    private static T[] Join<T>(RequestBatch[] users, Func<RequestBatch, ReadOnlyMemory<T>> column) => [.. users.SelectMany(user => column(user).ToArray())];
}

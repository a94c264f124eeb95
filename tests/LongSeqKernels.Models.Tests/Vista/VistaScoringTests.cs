using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>What a forward run promises, whatever the weights.</summary>
[TestFixture(Backend.Reference)]
[TestFixture(Backend.Managed)]
public sealed class VistaScoringTests(Backend backend)
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(backend);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void ScoresAreThoseOfTheNaiveTwin(VistaConfig config)
    {
        // Gated action fusion is STCA's too, and tested there.
        config = config with { ActionFusion = ActionFusion.Sum };
        VistaModel model = VistaCases.PerturbedModel(config);
        var twin = new VistaTwin(model);
        foreach (int length in new[] { 1, 4, 30 })
        {
            RequestBatch batch = StcaCases.Batch(config, 5 + length, [length], requestsPerSegment: 1, targetsPerRequest: 5);
            var pass = new VistaPass(_context, model, PassMode.Training);
            var logits = new float[5];
            pass.Forward(batch, logits);
            ModelCompare.ForAll([("logits", logits)], [("twin", [.. twin.Score(batch).Select(x => (float)x)])], 3e-5);
            if (config.ReconstructionWeight > 0)
            {
                Assert.That(pass.AuxiliaryLoss, Is.EqualTo(twin.Reconstruction(batch)).Within(1e-5));
            }
        }
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void SameBatchSameBits(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 6, [33, 120, 5]);
        Assert.That(Score(model, batch), Is.EqualTo(Score(VistaCases.PerturbedModel(config), batch)));
        foreach (((string name, float[] first), (_, float[] second)) in Gradients(model, batch).Zip(Gradients(model, batch)))
        {
            Assert.That(first, Is.EqualTo(second), name);
        }
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void RequestBatchEqualsPointWiseBatch(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 8, [30, 12, 0, 77], requestsPerSegment: 3, targetsPerRequest: 4);
        RequestBatch pointWise = BatchEdits.PointWise(batch);
        ModelCompare.ForAll([("logits", Score(model, batch))], [("logits", Score(model, pointWise))], 2e-6);
        (double loss, List<(string Name, float[] Values)> gradients) = Train(model, batch);
        (double others, List<(string Name, float[] Values)> otherGradients) = Train(model, pointWise);
        Assert.That(loss, Is.EqualTo(others).Within(1e-6));
        ModelCompare.ForAll(gradients, otherGradients, 3e-5);
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void CandidatesDoNotSeeEachOther(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 9, [50], requestsPerSegment: 1, targetsPerRequest: 7);
        float[] logits = Score(model, batch);
        for (int target = 0; target < 7; target++)
        {
            float[] alone = Score(model, Alone(batch, target, config.ContextWidth));
            Assert.That(alone[0], Is.EqualTo(logits[target]).Within(2e-6 * (1 + MathF.Abs(logits[target]))));
        }
    }

    [Test]
    public void EventsAfterATargetsRequestAreNotSeen([Values] TimeReference reference)
    {
        VistaConfig config = VistaCases.Default with { TimeReference = reference };
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 9, [50], requestsPerSegment: 1);
        RequestBatch limited = BatchEdits.WithLimit(batch, batch.HistoryItems, 20);
        int[] otherItems = batch.HistoryItems.ToArray();
        for (int i = 20; i < 50; i++)
        {
            otherItems[i] = (otherItems[i] + 1) % config.Items;
        }
        Assert.That(Score(model, limited), Is.EqualTo(Score(model, BatchEdits.WithLimit(batch, otherItems, 20))));
        Assert.That(Score(model, limited), Is.Not.EqualTo(Score(model, BatchEdits.WithLimit(batch, batch.HistoryItems, 21))));
    }

    [Test]
    public void OnlyGapsToTheRequestKnowItsTime([Values] TimeReference reference)
    {
        VistaConfig config = VistaCases.Default with { TimeReference = reference };
        VistaModel model = VistaCases.PerturbedModel(config);
        UserHistory Later(long delay) => User(StcaCases.Batch(config, 9, [50], requestsPerSegment: 1), delay);
        float[] now = new VistaScorer(_context, model).Encode(Later(0)).Rows.ToArray();
        float[] later = new VistaScorer(_context, model).Encode(Later(1_000_000)).Rows.ToArray();
        Assert.That(later, reference == TimeReference.Request ? Is.Not.EqualTo(now) : Is.EqualTo(now));
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void EmptyHistoryScoresTheTargetAlone(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch empty = StcaCases.Batch(config, 10, [0]);
        float[] logits = Score(model, empty);
        Assert.That(logits, Has.All.Matches<float>(float.IsFinite));
        RequestBatch hidden = BatchEdits.WithHiddenHistory(empty, StcaCases.Batch(config, 10, [25]));
        Assert.That(Score(model, hidden), Is.EqualTo(logits));
        foreach ((string name, float[] gradient) in Gradients(model, empty))
        {
            Assert.That(gradient, Has.All.Matches<float>(float.IsFinite), name);
        }
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Summarisers))]
    public void HistoriesReadInPartsGiveTheSameScores(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 16, [13, 0, 150, 1, 20], requestsPerSegment: 1);
        float[] whole = Score(model, batch);
        foreach (int maxEvents in new[] { 1, 7, 64, 1000 })
        {
            var logits = new float[batch.Targets.Total];
            new VistaScorer(_context, model, maxEvents).Score(batch, logits);
            ModelCompare.ForAll([($"in parts of {maxEvents}", logits)], [("whole", whole)], 1e-5);
        }
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void ScoringAndTrainingRunsAgree(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 17, [13, 0, 70, 1, 20]);
        var logits = new float[batch.Targets.Total];
        new VistaPass(_context, model, PassMode.Training).Forward(batch, logits);
        ModelCompare.ForAll([("training", logits)], [("scoring", Score(model, batch))], 2e-6);
    }

    [Test]
    public void OrderOfRequestsDoesNotMatter()
    {
        VistaModel model = VistaCases.PerturbedModel(VistaCases.Default);
        RequestBatch first = StcaCases.Batch(VistaCases.Default, 12, [18]);
        RequestBatch second = StcaCases.Batch(VistaCases.Default, 13, [44]);
        float[] forward = Score(model, BatchEdits.Concatenate(first, second));
        float[] backward = Score(model, BatchEdits.Concatenate(second, first));
        int targets = first.TargetItems.Length;
        Assert.That(forward[..targets], Is.EqualTo(backward[targets..]).Within(1e-6));
        Assert.That(forward[targets..], Is.EqualTo(backward[..targets]).Within(1e-6));
    }

    [Test]
    public void NoTargetsNoScores()
    {
        VistaModel model = VistaCases.PerturbedModel(VistaCases.Default);
        Assert.That(Score(model, StcaCases.Batch(VistaCases.Default, 14, [5, 3], targetsPerRequest: 0)), Is.Empty);
        Assert.That(Score(model, StcaCases.Batch(VistaCases.Default, 14, [])), Is.Empty);
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void SummarisedHistoryGivesTheSameScores(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 15, [60], requestsPerSegment: 1, targetsPerRequest: 9);
        var scorer = new VistaScorer(_context, model);
        SummarisedHistory history = scorer.Encode(User(batch, 0));
        var logits = new float[9];
        scorer.Score(history, batch.TargetItems, batch.TargetContext, logits);
        Assert.That(history.Events, Is.EqualTo(60));
        Assert.That(logits, Is.EqualTo(Score(model, batch)));
        model.Parameters.MarkChanged();
        Assert.That(() => scorer.Score(history, batch.TargetItems, batch.TargetContext, logits), Throws.InstanceOf<ArgumentException>().With.Message.Contains("last change"));
    }

    [Test]
    public void ScorerRefusesBeforeItWrites()
    {
        VistaModel model = VistaCases.Model(VistaCases.Default);
        RequestBatch batch = StcaCases.Batch(VistaCases.Default, 1, [6, 4]);
        var scorer = new VistaScorer(_context, model);
        float[] logits = [.. Enumerable.Repeat(7f, 12)];
        Assert.That(() => scorer.Score(BatchEdits.WithLimit(batch, batch.HistoryItems, -1), logits), Throws.InstanceOf<ArgumentException>().With.Message.Contains("HistoryLimits[0] is -1"));
        Assert.That(() => scorer.Score(batch, logits.AsSpan(1)), Throws.InstanceOf<ArgumentException>().With.Message.Contains("logits"));
        Assert.That(() => new VistaScorer(_context, model, 0), Throws.InstanceOf<ArgumentException>().With.Message.Contains("maxEvents is 0; it must be 1 or more"));
        Assert.That(logits, Has.All.EqualTo(7f));
    }

    private float[] Score(VistaModel model, RequestBatch batch)
    {
        var logits = new float[batch.Targets.Total];
        new VistaScorer(_context, model).Score(batch, logits);
        return logits;
    }

    private List<(string Name, float[] Values)> Gradients(VistaModel model, RequestBatch batch) => Train(model, batch).Gradients;

    private (double Loss, List<(string Name, float[] Values)> Gradients) Train(VistaModel model, RequestBatch batch)
    {
        var pass = new VistaPass(_context, model, PassMode.Training);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        pass.Forward(batch, logits);
        double loss = RequestLoss.Compute(TrainingLoss.BinaryCrossEntropy, batch, logits, gradient) + pass.AuxiliaryLoss;
        pass.Backward(gradient);
        return (loss, StcaCases.Gradients(model.Parameters));
    }

    private static UserHistory User(RequestBatch batch, long delay) => new()
    {
        Items = batch.HistoryItems,
        Actions = batch.HistoryActions,
        Times = batch.HistoryTimes,
        RequestTime = batch.RequestTimes.Span[0] + delay,
    };

    private static RequestBatch Alone(RequestBatch batch, int target, int contextWidth) => new()
    {
        History = batch.History,
        HistoryItems = batch.HistoryItems,
        HistoryActions = batch.HistoryActions,
        HistoryTimes = batch.HistoryTimes,
        RequestTimes = batch.RequestTimes,
        Targets = JaggedLayout.Uniform(1, 1),
        TargetItems = batch.TargetItems.Slice(target, 1),
        TargetContext = batch.TargetContext.Slice(target * contextWidth, contextWidth),
        Requests = JaggedLayout.Uniform(1, 1),
    };
}

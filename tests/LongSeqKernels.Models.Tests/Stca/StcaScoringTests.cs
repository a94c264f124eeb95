using System.Numerics.Tensors;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>What a forward run promises, whatever the weights.</summary>
[TestFixture(Backend.Reference)]
[TestFixture(Backend.Managed)]
public sealed class StcaScoringTests(Backend backend)
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(backend);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Configurations))]
    public void AbsorbedEqualsProjected(StcaConfig config)
    {
        StcaModel absorbed = StcaCases.PerturbedModel(config with { Attention = AttentionForm.Absorbed });
        StcaModel projected = StcaCases.PerturbedModel(config with { Attention = AttentionForm.Projected });
        RequestBatch batch = StcaCases.Batch(config, 5, [40, 0, 7, 100]);
        ModelCompare.ForAll([("logits", Score(absorbed, batch))], [("logits", Score(projected, batch))], 1e-5);
        ModelCompare.ForAll(Gradients(absorbed, batch), Gradients(projected, batch), 2e-5);
    }

    [Test]
    public void SameBatchSameBits([Values] AttentionForm form)
    {
        StcaConfig config = StcaCases.Default with { Attention = form };
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 6, [33, 120, 5]);
        Assert.That(Score(model, batch), Is.EqualTo(Score(StcaCases.PerturbedModel(config), batch)));
        foreach (((string name, float[] first), (_, float[] second)) in Gradients(model, batch).Zip(Gradients(model, batch)))
        {
            Assert.That(first, Is.EqualTo(second), name);
        }
    }

    [Test]
    public void RequestBatchEqualsPointWiseBatch([Values(AttentionForm.Absorbed, AttentionForm.Projected)] AttentionForm form, [Values] TrainingLoss loss)
    {
        StcaConfig config = StcaCases.Default with { Attention = form };
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 8, [30, 12, 0, 77], requestsPerSegment: 3, targetsPerRequest: 4);
        RequestBatch pointWise = BatchEdits.PointWise(batch);
        ModelCompare.ForAll([("logits", Score(model, batch))], [("logits", Score(model, pointWise))], 1e-6);
        Assert.That(Loss(model, batch, loss), Is.EqualTo(Loss(model, pointWise, loss)).Within(1e-6));
        // Their sums run over the same rows in another order: fp32 rounding of both, not only of one.
        ModelCompare.ForAll(Gradients(model, batch, loss), Gradients(model, pointWise, loss), 2e-6);
    }

    [Test]
    public void EventsAfterATargetsRequestAreNotSeen([Values(AttentionForm.Absorbed, AttentionForm.Projected)] AttentionForm form)
    {
        StcaConfig config = StcaCases.Default with { Attention = form };
        StcaModel model = StcaCases.PerturbedModel(config);
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

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Switches))]
    public void EmptyHistoryScoresTheTargetAlone(StcaConfig config)
    {
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch empty = StcaCases.Batch(config, 10, [0]);
        float[] logits = Score(model, empty);
        Assert.That(logits, Has.All.Matches<float>(float.IsFinite));
        RequestBatch hidden = BatchEdits.WithHiddenHistory(empty, StcaCases.Batch(config, 11, [25]));
        Assert.That(Score(model, hidden), Is.EqualTo(logits));
        foreach ((string name, float[] gradient) in Gradients(model, empty))
        {
            Assert.That(gradient, Has.All.Matches<float>(float.IsFinite), name);
        }
    }

    [Test]
    public void HistoriesReadInPartsGiveTheSameScores(
        [Values(AttentionForm.Absorbed, AttentionForm.Projected)] AttentionForm form, [Values] LogitScale scale, [Values(1, 7, 64, 1000)] int maxEvents)
    {
        StcaConfig config = StcaCases.Default with { Attention = form, LogitScale = scale };
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 16, [13, 0, 150, 1, 20]);
        var logits = new float[batch.Targets.Total];
        new StcaScorer(_context, model, maxEvents).Score(batch, logits);
        ModelCompare.ForAll([("in parts", logits)], [("whole", Score(model, batch))], 1e-5);
    }

    /// <summary>Longer queries are larger logits, whatever makes them longer.</summary>
    [Test]
    public void LogitsThatGrowWithTheHistoryAreThoseOfLongerQueries(
        [Values(AttentionForm.Absorbed, AttentionForm.Projected)] AttentionForm form, [Values(2, 9, 100, 400)] int seen)
    {
        StcaConfig config = StcaCases.Default with { Attention = form };
        RequestBatch batch = StcaCases.Batch(config, 17, [450], requestsPerSegment: 1);
        batch = BatchEdits.WithLimit(batch, batch.HistoryItems, seen);
        StcaModel growing = StcaCases.PerturbedModel(config with { LogitScale = LogitScale.LogLength });
        StcaModel scaled = StcaCases.PerturbedModel(config);
        foreach (Parameter query in scaled.Parameters.Parameters.Where(parameter => parameter.Name.StartsWith("attention.", StringComparison.Ordinal) && parameter.Name.EndsWith(".query", StringComparison.Ordinal)))
        {
            TensorPrimitives.Multiply(query.Values, (float)(Math.Log(1 + seen) / Math.Log(101)), query.Values);
        }
        scaled.Parameters.MarkChanged();
        ModelCompare.ForAll([("growing", Score(growing, batch))], [("scaled", Score(scaled, batch))], 1e-5);
        if (seen != 100)
        {
            Assert.That(Score(growing, batch), Is.Not.EqualTo(Score(StcaCases.PerturbedModel(config), batch)));
        }
    }

    [Test]
    public void OrderOfRequestsDoesNotMatter()
    {
        StcaModel model = StcaCases.PerturbedModel(StcaCases.Default);
        RequestBatch first = StcaCases.Batch(StcaCases.Default, 12, [18]);
        RequestBatch second = StcaCases.Batch(StcaCases.Default, 13, [44]);
        float[] forward = Score(model, BatchEdits.Concatenate(first, second));
        float[] backward = Score(model, BatchEdits.Concatenate(second, first));
        int targets = first.TargetItems.Length;
        Assert.That(forward[..targets], Is.EqualTo(backward[targets..]).Within(1e-6));
        Assert.That(forward[targets..], Is.EqualTo(backward[..targets]).Within(1e-6));
    }

    [Test]
    public void NoTargetsNoScores()
    {
        StcaModel model = StcaCases.PerturbedModel(StcaCases.Default);
        Assert.That(Score(model, StcaCases.Batch(StcaCases.Default, 14, [5, 3], targetsPerRequest: 0)), Is.Empty);
        Assert.That(Score(model, StcaCases.Batch(StcaCases.Default, 14, [])), Is.Empty);
    }

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Configurations))]
    public void EncodedHistoryGivesTheSameScores(StcaConfig config)
    {
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 15, [60], requestsPerSegment: 1, targetsPerRequest: 9);
        var user = new UserHistory
        {
            Items = batch.HistoryItems,
            Actions = batch.HistoryActions,
            Times = batch.HistoryTimes,
            RequestTime = batch.RequestTimes.Span[0],
        };
        var scorer = new StcaScorer(_context, model);
        var direct = new float[9];
        var reused = new float[9];
        scorer.Score(user, batch.TargetItems, batch.TargetContext, direct);
        EncodedHistory encoded = scorer.Encode(user);
        scorer.Score(encoded, batch.TargetItems, batch.TargetContext, reused);
        Assert.That(direct, Is.EqualTo(Score(model, batch)));
        Assert.That(reused, Is.EqualTo(direct));
        scorer.Score(encoded, batch.TargetItems[..4], batch.TargetContext[..(4 * config.ContextWidth)], reused.AsSpan(0, 4));
        ModelCompare.ForAll([("logits of some", reused[..4])], [("logits of all", direct[..4])], 1e-5);
        model.Parameters.MarkChanged();
        Assert.That(() => scorer.Score(encoded, batch.TargetItems, batch.TargetContext, reused), Throws.InstanceOf<ArgumentException>().With.Message.Contains("last change"));
    }

    private float[] Score(StcaModel model, RequestBatch batch)
    {
        var logits = new float[batch.Targets.Total];
        new StcaScorer(_context, model).Score(batch, logits);
        return logits;
    }

    private double Loss(StcaModel model, RequestBatch batch, TrainingLoss loss) =>
        RequestLoss.Compute(loss, batch, Score(model, batch), new float[batch.Targets.Total]);

    private List<(string Name, float[] Values)> Gradients(StcaModel model, RequestBatch batch, TrainingLoss loss = TrainingLoss.BinaryCrossEntropy)
    {
        var pass = new StcaPass(_context, model, PassMode.Training);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        pass.Forward(batch, logits);
        RequestLoss.Compute(loss, batch, logits, gradient);
        pass.Backward(gradient);
        return StcaCases.Gradients(model.Parameters);
    }
}

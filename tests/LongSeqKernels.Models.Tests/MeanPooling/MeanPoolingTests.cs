using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class MeanPoolingTests
{
    private static readonly MeanPoolingConfig Config = new()
    {
        Items = 23,
        Categories = 5,
        Actions = 3,
        TimeGaps = new TimeBuckets(12),
        Width = 8,
        Heads = 1,
        ScorerWidths = [6],
        ContextWidth = 2,
        Seed = 7,
    };

    private static MeanPoolingModel Model(MeanPoolingConfig config)
    {
        MeanPoolingModel model = MeanPoolingModel.Create(config, StcaCases.Categories(config));
        StcaCases.Perturb(model.Parameters, config.Seed);
        return model;
    }

    private static IEnumerable<TestCaseData> Configurations()
    {
        yield return new TestCaseData(Config).SetArgDisplayNames("Defaults");
        yield return new TestCaseData(Config with { Categories = 0, Actions = 1, TimeGaps = null, ContextWidth = 0 }).SetArgDisplayNames("ItemsOnly");
        yield return new TestCaseData(Config with { ActionFusion = ActionFusion.GatedFfn, Biases = true }).SetArgDisplayNames("GatedActionFusion");
    }

    [TestCaseSource(nameof(Configurations))]
    public void GradientsMatchFiniteDifferences(MeanPoolingConfig config)
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Reference);
        MeanPoolingModel model = Model(config);
        RequestBatch batch = StcaCases.Batch(config, 3, [9, 0, 1, 14]);
        MeanPoolingPass pass = model.CreateTrainingPass(context);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        double Loss()
        {
            pass.Forward(batch, logits);
            return RequestLoss.Compute(TrainingLoss.BinaryCrossEntropy, batch, logits, gradient);
        }
        ModelGradients.Check(model.Parameters, Loss, () => pass.Backward(gradient), _ => false);
    }

    [TestCaseSource(nameof(Configurations))]
    public void ModelSurvivesTheFile(MeanPoolingConfig config)
    {
        using var folder = new TemporaryFolder();
        MeanPoolingModel model = Model(config);
        model.Save(folder["model"]);
        RankingModel copy = RankingModel.Load(folder["model"]);
        Assert.That(copy.Kind, Is.EqualTo("mean pooling"));
        Assert.That(copy.Config.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(copy.Parameters.DenseValues.ToArray(), Is.EqualTo(model.Parameters.DenseValues.ToArray()));
        Assert.That(
            () => StcaModel.Load(folder["model"]), Throws.TypeOf<InvalidDataException>().With.Message.Contains("of the kind mean pooling; it must be of the kind STCA"));
    }

    [Test]
    public void ATargetSeesTheMeanOfTheEventsBeforeItsLimitAndNoOther()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        IHistoryScorer scorer = Model(Config).CreateScorer(context);
        RequestBatch batch = StcaCases.Batch(Config, 4, [40, 0, 7], requestsPerSegment: 3);
        var logits = new float[batch.Targets.Total];
        scorer.Score(batch, logits);
        for (int target = 0; target < logits.Length; target++)
        {
            int segment = target / 9;
            int start = (int)batch.History.Start(segment);
            int length = (int)batch.HistoryLimits.Span[target];
            var history = new UserHistory
            {
                Items = batch.HistoryItems.Slice(start, length),
                Actions = batch.HistoryActions.Slice(start, length),
                Times = batch.HistoryTimes.Slice(start, length),
                RequestTime = batch.RequestTimes.Span[segment],
            };
            IEncodedHistory encoded = scorer.Encode(history);
            Assert.That(encoded.Events, Is.EqualTo(length));
            var alone = new float[1];
            scorer.Score(encoded, batch.TargetItems.Slice(target, 1), batch.TargetContext.Slice(target * 2, 2), alone);
            Assert.That(alone[0], Is.EqualTo(logits[target]).Within(1e-5), $"target {target}");
        }
    }

    [Test]
    public void HistoriesOfOtherModelsAndLimitsBeyondTheHistoryAreRefused()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        MeanPoolingModel model = Model(Config);
        IHistoryScorer scorer = model.CreateScorer(context);
        var history = new UserHistory { Items = new[] { 1 }, Actions = new[] { 0 }, Times = new[] { 5L }, RequestTime = 6 };
        IEncodedHistory encoded = scorer.Encode(history);
        Assert.That(() => Model(Config).CreateScorer(context).Score(encoded, new[] { 1 }, new float[2], new float[1]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("history"));
        model.Parameters.MarkChanged();
        Assert.That(() => scorer.Score(encoded, new[] { 1 }, new float[2], new float[1]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("history"));
        RequestBatch batch = StcaCases.Batch(Config, 4, [4], requestsPerSegment: 1, targetsPerRequest: 2);
        long[] limits = [4, 5];
        var wrong = new RequestBatch
        {
            History = batch.History,
            HistoryItems = batch.HistoryItems,
            HistoryActions = batch.HistoryActions,
            HistoryTimes = batch.HistoryTimes,
            RequestTimes = batch.RequestTimes,
            Targets = batch.Targets,
            TargetItems = batch.TargetItems,
            HistoryLimits = limits,
            TargetContext = batch.TargetContext,
            Requests = batch.Requests,
        };
        Assert.That(() => scorer.Score(wrong, new float[2]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("HistoryLimits[1] is 5; it must be from 0 to 4"));
    }

    [Test]
    public void TrainsAndResumesLikeAnyModel()
    {
        using var folder = new TemporaryFolder();
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        MeanPoolingConfig config = Config with { Items = FarPastSource.Config.Items, Categories = 0, Actions = FarPastSource.Config.Actions, ContextWidth = FarPastSource.Config.ContextWidth };
        TrainingOptions options = new() { LearningRate = new LearningRate(0.01, 5, 30) };
        var whole = new ModelTrainer(context, MeanPoolingModel.Create(config), new FarPastSource(1), options);
        double first = 0;
        double last = 0;
        whole.Run(new TrainingSchedule { CheckpointPath = folder["whole"] }, progress => (first, last) = (progress.Step == 1 ? progress.Loss : first, progress.SmoothedLoss));
        Assert.That(last, Is.LessThan(first));
        using var cancellation = new CancellationTokenSource();
        var stopped = new ModelTrainer(context, MeanPoolingModel.Create(config), new FarPastSource(1), options);
        Assert.That(
            () => stopped.Run(new TrainingSchedule { CheckpointPath = folder["stopped"] }, progress => { if (progress.Step == 11) { cancellation.Cancel(); } }, cancellation: cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
        ModelTrainer.Resume(context, folder["stopped"], new FarPastSource(1)).Run(new TrainingSchedule { CheckpointPath = folder["stopped"] });
        Assert.That(File.ReadAllBytes(folder["stopped"]), Is.EqualTo(File.ReadAllBytes(folder["whole"])));
    }
}

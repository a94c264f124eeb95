using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class VistaTrainingTests
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Managed);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [Test]
    public void LearnsWhatOnlyTheFarPastTells()
    {
        VistaModel model = VistaModel.Create(Config);
        double untrained = FarPastSource.Accuracy(model.CreateScorer(_context));
        new ModelTrainer(_context, model, new FarPastSource(1), Options(1500)).Run(new TrainingSchedule());
        Assert.That(untrained, Is.InRange(0.3, 0.7));
        Assert.That(FarPastSource.Accuracy(model.CreateScorer(_context)), Is.GreaterThan(0.93));
    }

    [Test]
    public void InterruptedRunEndsWithTheSameBits()
    {
        using var folder = new TemporaryFolder();
        var schedule = new TrainingSchedule { CheckpointPath = folder["whole"] };
        new ModelTrainer(_context, VistaModel.Create(Config), new FarPastSource(1), Options(12)).Run(schedule);
        using var cancellation = new CancellationTokenSource();
        var interrupted = new TrainingSchedule { CheckpointPath = folder["interrupted"] };
        var trainer = new ModelTrainer(_context, VistaModel.Create(Config), new FarPastSource(1), Options(12));
        Assert.That(
            () => trainer.Run(interrupted, progress =>
            {
                if (progress.Step == 5)
                {
                    cancellation.Cancel();
                }
            }, cancellation: cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        ModelTrainer.Resume(_context, folder["interrupted"], new FarPastSource(1)).Run(interrupted);
        Assert.That(File.ReadAllBytes(folder["interrupted"]), Is.EqualTo(File.ReadAllBytes(folder["whole"])));
    }

    private static VistaConfig Config { get; } = new()
    {
        Items = FarPastSource.Items,
        TimeGaps = new TimeBuckets(24),
        Width = 16,
        Heads = 1,
        Layers = 1,
        Seeds = 16,
        CandidateLayers = 1,
        ScorerWidths = [16],
        Seed = 3,
    };

    private static TrainingOptions Options(int steps) => new() { LearningRate = new LearningRate(0.003, Math.Min(20, steps), steps) };
}

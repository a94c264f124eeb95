using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class ModelTrainerTests
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Managed);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [Test]
    public void LearnsWhatOnlyTheFarPastTells([Values] TrainingLoss loss)
    {
        StcaModel model = StcaModel.Create(FarPastSource.Config);
        double untrained = FarPastSource.Accuracy(model.CreateScorer(_context));
        double first = 0;
        double last = 0;
        new ModelTrainer(_context, model, new FarPastSource(1), Options(800) with { Loss = loss }).Run(new TrainingSchedule(), progress =>
        {
            first = progress.Step == 20 ? progress.SmoothedLoss : first;
            last = progress.SmoothedLoss;
        });
        Assert.That(untrained, Is.InRange(0.3, 0.7));
        Assert.That(FarPastSource.Accuracy(model.CreateScorer(_context)), Is.GreaterThan(0.97));
        Assert.That(last, Is.LessThan(0.7 * first));
    }

    [Test]
    public void InterruptedRunEndsWithTheSameBits([Values(1, 7, 19)] int stopAt)
    {
        using var folder = new TemporaryFolder();
        byte[] uninterrupted = Run(folder, 20);
        StcaModel model = StcaModel.Create(FarPastSource.Config);
        using var cancellation = new CancellationTokenSource();
        var schedule = new TrainingSchedule { CheckpointPath = folder["interrupted"], CheckpointEvery = 1000 };
        var trainer = new ModelTrainer(_context, model, new FarPastSource(1), Options(20));
        Assert.That(
            () => trainer.Run(schedule, progress => CancelAt(progress.Step, stopAt, cancellation), cancellation: cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(trainer.Step, Is.EqualTo(stopAt));
        ModelTrainer resumed = ModelTrainer.Resume(_context, folder["interrupted"], new FarPastSource(1));
        Assert.That(resumed.Step, Is.EqualTo(stopAt));
        resumed.Run(schedule);
        Assert.That(File.ReadAllBytes(folder["interrupted"]), Is.EqualTo(uninterrupted));
    }

    [Test]
    public void SameSeedSameBitsOtherSeedOtherBits()
    {
        using var folder = new TemporaryFolder();
        byte[] first = Run(folder, 10);
        Assert.That(Run(folder, 10), Is.EqualTo(first));
        Assert.That(Run(folder, 10, seed: 4), Is.Not.EqualTo(first));
    }

    [Test]
    public void ThreadSchedulingDoesNotChangeTheBits()
    {
        using var folder = new TemporaryFolder();
        using LongSeqContext crowded = LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = 8 });
        byte[] first = Run(folder, 5, context: crowded);
        for (int repeat = 0; repeat < 3; repeat++)
        {
            Assert.That(Run(folder, 5, context: crowded), Is.EqualTo(first));
        }
    }

    [Test]
    public void ReadersOnlyEverSeeWholeCheckpoints()
    {
        using var folder = new TemporaryFolder();
        string path = folder["checkpoint"];
        var trainer = new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(60));
        trainer.SaveCheckpoint(path);
        Task training = Task.Run(() => trainer.Run(new TrainingSchedule { CheckpointPath = path, CheckpointEvery = 1 }));
        int reads = 0;
        long step = 0;
        while (!training.IsCompleted)
        {
            ModelTrainer read = ModelTrainer.Resume(_context, path, new FarPastSource(1));
            Assert.That(read.Step, Is.GreaterThanOrEqualTo(step));
            step = read.Step;
            reads++;
        }
        training.GetAwaiter().GetResult();
        Assert.That(reads, Is.GreaterThan(0));
        Assert.That(Directory.GetFiles(folder.Root), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void CheckpointIsAModelFile()
    {
        using var folder = new TemporaryFolder();
        var trainer = new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(3));
        trainer.Run(new TrainingSchedule { CheckpointPath = folder["checkpoint"] });
        Assert.That(StcaModel.Load(folder["checkpoint"]).Parameters.DenseValues.ToArray(), Is.EqualTo(trainer.Model.Parameters.DenseValues.ToArray()));
        trainer.Model.Save(folder["model"]);
        Assert.That(
            () => ModelTrainer.Resume(_context, folder["model"], new FarPastSource(1)), Throws.TypeOf<InvalidDataException>().With.Message.Contains("no checkpoint"));
    }

    [Test]
    public void ResumingOnOtherDataIsRefused()
    {
        using var folder = new TemporaryFolder();
        new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(3)).SaveCheckpoint(folder["checkpoint"]);
        Assert.That(
            () => ModelTrainer.Resume(_context, folder["checkpoint"], new FarPastSource(2)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("\"far past, seed 1\"").And.Message.Contains("\"far past, seed 2\""));
    }

    [Test]
    public void DamagedCheckpointsGiveOneKindOfError()
    {
        using var folder = new TemporaryFolder();
        new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(3)).SaveCheckpoint(folder["checkpoint"]);
        byte[] valid = File.ReadAllBytes(folder["checkpoint"]);
        int headerLength = 8 + BitConverter.ToInt32(valid);
        foreach (byte[] header in Fuzz.Mutations(valid[..headerLength], 11, 150))
        {
            try
            {
                ModelTrainer.Resume(_context, folder.Write("damaged", [.. header, .. valid[headerLength..]]), new FarPastSource(1));
            }
            catch (InvalidDataException exception)
            {
                Assert.That(exception.Message, Does.Contain("damaged"));
            }
        }
    }

    [Test]
    public void AStepThatDivergesNamesItselfAndChangesNothing()
    {
        StcaModel model = StcaModel.Create(FarPastSource.Config);
        var trainer = new ModelTrainer(_context, model, new FarPastSource(1), Options(10));
        model.Parameters.Parameters.Single(parameter => parameter.Name == "attention.1.value").Values[5] = float.NaN;
        model.Parameters.MarkChanged();
        float[] before = model.Parameters.DenseValues.ToArray();
        Assert.That(() => trainer.Run(new TrainingSchedule()), Throws.TypeOf<TrainingDivergedException>().With.Message.Contains("Step 1: the loss is NaN"));
        Assert.That(model.Parameters.DenseValues.ToArray(), Is.EqualTo(before));
        Assert.That(trainer.Step, Is.Zero);
    }

    [Test]
    public void EvaluationsAndCheckpointsKeepTheirSchedule()
    {
        using var folder = new TemporaryFolder();
        var evaluated = new List<long>();
        var reported = new List<long>();
        var trainer = new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(10));
        trainer.Run(new TrainingSchedule { EvaluateEvery = 4 }, progress => reported.Add(progress.Step), evaluated.Add);
        Assert.That(evaluated, Is.EqualTo(new long[] { 4, 8, 10 }));
        Assert.That(reported, Is.EqualTo(Enumerable.Range(1, 10).Select(step => (long)step)));
        Assert.That(Directory.GetFiles(folder.Root), Is.Empty);
    }

    [Test]
    public void CheckpointsThatCannotBeWrittenSaySo()
    {
        using var folder = new TemporaryFolder();
        var trainer = new ModelTrainer(_context, StcaModel.Create(FarPastSource.Config), new FarPastSource(1), Options(2));
        Assert.That(() => trainer.Run(new TrainingSchedule { CheckpointPath = folder["missing/checkpoint"] }), Throws.InstanceOf<IOException>());
    }

    private static void CancelAt(long step, long stopAt, CancellationTokenSource cancellation)
    {
        if (step == stopAt)
        {
            cancellation.Cancel();
        }
    }

    private static TrainingOptions Options(int steps) => new() { LearningRate = new LearningRate(0.003, Math.Min(20, steps), steps) };

    private byte[] Run(TemporaryFolder folder, int steps, long seed = 3, LongSeqContext? context = null)
    {
        string path = folder["uninterrupted"];
        new ModelTrainer(context ?? _context, StcaModel.Create(FarPastSource.Config with { Seed = seed }), new FarPastSource(1), Options(steps))
            .Run(new TrainingSchedule { CheckpointPath = path });
        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }
}

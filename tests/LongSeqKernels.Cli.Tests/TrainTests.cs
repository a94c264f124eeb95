using System.Text.Json;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class TrainTests
{
    [Test]
    public void WritesAModelAndSaysHowToTestIt()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "small.model", "--steps", "5", .. SmallLog.Training]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("Training: 5 of 5 steps, loss ").And.Contain("steps/s").And.Contain("lsk evaluate small.lsklog small.model"));
        Assert.That(directory.Names, Is.EqualTo(["small.lsklog", "small.model"]));
        Assert.That(StcaModel.Load(directory.File("small.model")).Config.Width, Is.EqualTo(8));
    }

    [Test]
    public void JsonTellsLossAndRates()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "small.model", "--steps", "3", "--json", .. SmallLog.Training]);
        JsonElement outcome = run.Json.GetProperty("outcome");
        Assert.That(outcome.GetProperty("completed").GetBoolean(), Is.True);
        Assert.That(outcome.GetProperty("step").GetInt64(), Is.EqualTo(3));
        Assert.That(outcome.GetProperty("loss").GetDouble(), Is.GreaterThan(0));
        Assert.That(run.Errors, Does.Contain("Training: 3 of 3 steps"));
    }

    [Test]
    public void OneSeedGivesOneModelAndAnotherSeedAnother()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "1.model");
        SmallLog.TrainIn(directory, "2.model");
        LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "3.model", "--steps", "5", "--seed", "2", .. SmallLog.Training]);
        byte[] first = File.ReadAllBytes(directory.File("1.model"));
        Assert.That(File.ReadAllBytes(directory.File("2.model")), Is.EqualTo(first));
        Assert.That(File.ReadAllBytes(directory.File("3.model")), Is.Not.EqualTo(first));
    }

    [Test]
    public void ASecondStageStartsFromTheWeightsOfTheFirst()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "first.model");
        string[] stage = ["--min-window", "64", "--max-window", "128", "--batch-events", "256", "--negatives", "5", "--train-negatives", "5", "--min-history", "80"];
        LskRun run = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--from", "first.model", "--out", "still.model", "--steps", "1", "--learning-rate", "1e-9", "--weight-decay", "0", .. stage]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        StcaModel first = StcaModel.Load(directory.File("first.model"));
        StcaModel second = StcaModel.Load(directory.File("still.model"));
        Assert.That(second.Config.ToJson(), Is.EqualTo(first.Config.ToJson()));
        Assert.That(second.Parameters.DenseValues.ToArray(), Is.EqualTo(first.Parameters.DenseValues.ToArray()).Within(1e-6f), "a step of no length leaves the weights");
        Assert.That(second.Notes["requests.sampling"], Does.Contain("\"Minimum\":64"));
    }

    [Test]
    public void AnInterruptedSecondStageResumesToTheSameBits()
    {
        string[] stage = ["--from", "first.model", "--steps", "1500", "--batch-events", "128", "--max-window", "64", "--negatives", "5", "--train-negatives", "5", "--min-history", "80"];
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "first.model");
        using LskProcess process = LskProcess.Start(directory.Path, [], ["train", SmallLog.Name, "--out", "stopped.model", .. stage]);
        process.WaitForOutput("Training: 1 of");
        process.Signal("INT");
        Assert.That(process.Wait().ExitCode, Is.EqualTo(130));
        LskRun resumed = LskProcess.Run(directory.Path, "train", SmallLog.Name, "--out", "stopped.model", "--resume");
        Assert.That(resumed.ExitCode, Is.Zero, resumed.ToString());
        LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "whole.model", .. stage]);
        Assert.That(File.ReadAllBytes(directory.File("stopped.model")), Is.EqualTo(File.ReadAllBytes(directory.File("whole.model"))));
    }

    [Test]
    public void TheShapeOfTheFirstStageCannotBeChanged()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "train", "log", "--from", "first.model", "--out", "m", "--width", "16");
        Assert.That(run.ExitCode, Is.EqualTo(2), run.ToString());
        Assert.That(run.Errors, Does.Contain("--width cannot be given with --from"));
    }

    [Test]
    public void UsersCanCountByTheirPositions()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "positions.model", "--steps", "2", "--user-weight", "positions", .. SmallLog.Training]);
        Assert.That(StcaModel.Load(directory.File("positions.model")).Notes["requests.sampling"], Does.Contain("\"UserWeight\":\"ByPositions\""));
    }

    [Test]
    public void TheMeanPoolingBaselineIsTrainedEvaluatedAndScoredWithLikeAnyModel()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        string[] training = ["--width", "8", "--scorer-widths", "8", "--batch-events", "128", "--max-window", "64", "--negatives", "5", "--train-negatives", "5", "--min-history", "80", "--steps", "5"];
        LskRun trained = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "mean.model", "--model", "mean-pooling", .. training]);
        Assert.That(trained.ExitCode, Is.Zero, trained.ToString());
        Assert.That(trained.Output, Does.Contain("mean pooling of width 8"));
        LskRun scored = LskProcess.Run(directory.Path, "score", SmallLog.Name, "mean.model", "--repeat", "1");
        Assert.That(scored.ExitCode, Is.Zero, scored.ToString());
        LskRun heads = LskProcess.Run(directory.Path, "train", SmallLog.Name, "--out", "x.model", "--model", "mean-pooling", "--heads", "2");
        Assert.That(heads.ExitCode, Is.EqualTo(2), heads.ToString());
        Assert.That(heads.Errors, Does.Contain("--heads cannot be given with --model mean-pooling"));
    }

    [TestCase("INT")]
    [TestCase("TERM")]
    public void InterruptionLeavesACheckpointThatResumesToTheSameBits(string signal)
    {
        string[] training = ["--steps", "1500", .. SmallLog.Training];
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        using LskProcess process = LskProcess.Start(directory.Path, [], ["train", SmallLog.Name, "--out", "stopped.model", .. training]);
        process.WaitForOutput("Training: 1 of");
        process.Signal(signal);
        LskRun interrupted = process.Wait();
        Assert.That(interrupted.ExitCode, Is.EqualTo(130), interrupted.ToString());
        Assert.That(interrupted.Output, Does.Contain("Interrupted after step").And.Contain("lsk train small.lsklog --out stopped.model --resume"));
        Assert.That(directory.Names, Is.EqualTo(["small.lsklog", "stopped.model.checkpoint"]));

        LskRun started = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "stopped.model", .. training]);
        Assert.That(started.ExitCode, Is.EqualTo(1), "A new run must not overwrite the checkpoint.");
        Assert.That(started.Errors, Does.Contain("--resume").And.Contain("--restart"));

        LskRun resumed = LskProcess.Run(directory.Path, "train", SmallLog.Name, "--out", "stopped.model", "--resume");
        Assert.That(resumed.ExitCode, Is.Zero, resumed.ToString());
        Assert.That(resumed.Output, Does.Contain("Resuming after step"));
        LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "whole.model", .. training]);
        Assert.That(directory.Names, Is.EqualTo(["small.lsklog", "stopped.model", "whole.model"]));
        Assert.That(File.ReadAllBytes(directory.File("stopped.model")), Is.EqualTo(File.ReadAllBytes(directory.File("whole.model"))));
    }

    [Test]
    public void InterruptionIsADocumentToo()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        using LskProcess process = LskProcess.Start(directory.Path, [], ["train", SmallLog.Name, "--out", "small.model", "--steps", "100000", "--json", .. SmallLog.Training]);
        process.WaitForErrors("Training: 1 of");
        process.Signal("INT");
        LskRun run = process.Wait();
        Assert.That(run.ExitCode, Is.EqualTo(130), run.ToString());
        Assert.That(run.Json.GetProperty("checkpoint").GetString(), Is.EqualTo("small.model.checkpoint"));
        Assert.That(run.Json.GetProperty("outcome").GetProperty("completed").GetBoolean(), Is.False);
    }

    [TestCase("missing.lsklog", "does not exist")]
    [TestCase("text.lsklog", "text.lsklog")]
    [TestCase(".", "is a directory")]
    public void UnusableLogIsAFailureThatNamesIt(string log, string expected)
    {
        using var directory = new WorkingDirectory();
        directory.Write("text.lsklog", "user\titem\ttime\n");
        LskRun run = LskProcess.Run(directory.Path, "train", log, "--out", "small.model");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain(expected).And.Not.Contain("   at ").And.Not.Contain("Unexpected"));
    }

    [Test]
    public void LogWithTooShortHistoriesIsAFailureThatSaysSo()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", "user\titem\ttime\nann\tx\t10\nann\ty\t20\n");
        LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "tiny.lsklog");
        LskRun run = LskProcess.Run(directory.Path, "train", "tiny.lsklog", "--out", "tiny.model");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("longest history has 2 events"));
    }

    [TestCase("--heads 3", "divisor of --width")]
    [TestCase("--max-window 100", "multiples of 8")]
    [TestCase("--resume --width 16", "--width cannot be given with --resume")]
    [TestCase("--resume --restart", "contradict")]
    public void ContradictingOptionsAreAUsageError(string options, string expected)
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "small.model", .. options.Split(' ')]);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.ToString());
        Assert.That(run.Errors, Does.Contain(expected));
        Assert.That(directory.Names, Is.EqualTo([SmallLog.Name]));
    }

    [Test]
    public void ResumingWithoutACheckpointIsAFailure()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = LskProcess.Run(directory.Path, "train", SmallLog.Name, "--out", "small.model", "--resume");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("small.model.checkpoint does not exist"));
    }

    [Test]
    public void ResumingAModelThatIsNoCheckpointIsAFailure()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "done.model");
        LskRun run = LskProcess.Run(directory.Path, "train", SmallLog.Name, "--out", "more.model", "--checkpoint", "done.model", "--resume");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("no checkpoint"));
    }

    [Test]
    public void DiskThatFillsUpInTrainingIsAFailureAndLeavesNothingHalfWritten()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The limit is set with the shell of Linux.");
        }
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = LskProcess.Shell(
            directory.Path,
            $"trap '' XFSZ; ulimit -f 8; DOTNET_EnableWriteXorExecute=0 $LSK train {SmallLog.Name} --out small.model --steps 4 --checkpoint-every 2 {string.Join(' ', SmallLog.Training)}");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.StartWith("lsk train: ").And.Not.Contain("   at "));
        Assert.That(directory.Names, Is.EqualTo([SmallLog.Name]));
    }
}

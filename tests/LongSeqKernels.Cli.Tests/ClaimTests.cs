using System.Text.Json;
using System.Xml.Linq;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

/// <summary>The claims on a small generated log: that they run to the end and write what they say; what they find there means nothing.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class ClaimTests
{
    private static readonly string[] Small = ["--steps", "3", "--heads", "1", "--train-negatives", "4", "--per-user", "2", "--users", "5"];

    private static LskRun Run(WorkingDirectory directory, string claim, params string[] options) =>
        LskProcess.Run(directory.Path, ["evaluate", claim, SmallLog.Name, "--work", "work", .. options]);

    private static void AssertWritten(WorkingDirectory directory, string claim, LskRun run, int scorers)
    {
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(XDocument.Load(directory.File($"work/{claim}.svg")).Root!.Name.LocalName, Is.EqualTo("svg"));
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(directory.File($"work/{claim}.json")));
        JsonElement root = document.RootElement;
        Assert.That(root.GetProperty("run").GetProperty("commandLine").GetString(), Does.StartWith($"lsk evaluate {claim} small.lsklog --work work"));
        Assert.That(root.GetProperty("run").GetProperty("machine").GetProperty("threads").GetInt32(), Is.GreaterThan(0));
        Assert.That(root.GetProperty("findings").GetArrayLength(), Is.GreaterThan(0));
        if (scorers > 0)
        {
            Assert.That(root.GetProperty("report").GetProperty("results").GetArrayLength(), Is.EqualTo(scorers));
        }
        string[] text = File.ReadAllLines(directory.File($"work/{claim}.md"));
        string source = root.GetProperty("source").GetString()!;
        Assert.That(text, Has.Some.Contains(source), "the data are named");
        Assert.That(text, Has.Some.StartsWith("| ---"));
        Assert.That(text[^1], Does.StartWith($"    lsk evaluate {claim}"));
    }

    [Test]
    public void ExtrapolationTrainsOneModelPerAlphaAndSkipsWhatIsFinished()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        string[] options = ["--width", "8", "--layers", "1", "--average", "32", "--longest", "128", "--long", "96", "--alphas", "0.1,1", "--segments", "4", .. Small];
        LskRun run = Run(directory, "extrapolation", options);
        AssertWritten(directory, "extrapolation", run, scorers: 4);
        Assert.That(run.Output, Does.Contain("Training alpha-0.1: 3 of 3 steps"));
        RankingModel trained = RankingModel.Load(directory.File("work/alpha-0.1.lskmodel"));
        LskRun again = Run(directory, "extrapolation", options);
        Assert.That(again.ExitCode, Is.Zero, again.ToString());
        Assert.That(again.Output, Does.Contain("alpha-0.1 was trained before").And.Not.Contain("Training alpha"));
        Assert.That(RankingModel.Load(directory.File("work/alpha-0.1.lskmodel")).Parameters.DenseValues.ToArray(), Is.EqualTo(trained.Parameters.DenseValues.ToArray()));
        LskRun other = Run(directory, "extrapolation", [.. options, "--learning-rate", "0.01"]);
        Assert.That(other.ExitCode, Is.EqualTo(1), other.ToString());
        Assert.That(other.Errors, Does.Contain("fixed-32.lskmodel was trained with other settings").And.Contain("--work"));
    }

    [Test]
    public void AnInterruptedClaimGoesOnFromItsCheckpoint()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        string[] options = ["capacity", SmallLog.Name, "--work", "work", "--widths", "8", "--layers", "1", "--heads", "1", "--steps", "3000", "--max-window", "64", "--batch-events", "64", "--per-user", "1"];
        using LskProcess process = LskProcess.Start(directory.Path, [], ["evaluate", .. options]);
        process.WaitForOutput("Training width-8-layers-1: 1 of");
        process.Signal("INT");
        LskRun interrupted = process.Wait();
        Assert.That(interrupted.ExitCode, Is.EqualTo(130), interrupted.ToString());
        Assert.That(File.Exists(directory.File("work/width-8-layers-1.lskmodel.checkpoint")), interrupted.ToString());
        LskRun resumed = LskProcess.Run(directory.Path, ["evaluate", .. options]);
        Assert.That(resumed.ExitCode, Is.Zero, resumed.ToString());
        Assert.That(resumed.Output, Does.Not.Contain("Training width-8-layers-1: 1 of"));
        Assert.That(Directory.GetFiles(directory.File("work"), "*.checkpoint"), Is.Empty);
    }

    [Test]
    public void CapacityTrainsEveryWidthWithEveryDepth()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "capacity", ["--widths", "8,16", "--layers", "1,2", "--max-window", "64", "--batch-events", "128", .. Small]);
        AssertWritten(directory, "capacity", run, scorers: 4);
        Assert.That(((StcaModel)RankingModel.Load(directory.File("work/width-16-layers-2.lskmodel"))).Config.Layers, Is.EqualTo(2));
    }

    [Test]
    public void BatchingFindsTheSameLossesAndFewerBytes()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "batching", "--lengths", "40,80", "--targets", "5,9", "--users", "3", "--repeat", "2", "--width", "8", "--heads", "1", "--layers", "1");
        AssertWritten(directory, "batching", run, scorers: 0);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(directory.File("work/batching.json")));
        JsonElement[] rows = [.. document.RootElement.GetProperty("batching").EnumerateArray()];
        Assert.That(rows, Has.Length.EqualTo(8));
        Assert.That(rows.Select(row => row.GetProperty("largestDifference").GetDouble()), Has.All.LessThan(1e-5));
        Assert.That(rows.Select(row => row.GetProperty("requestLevelBytes").GetInt64() * row.GetProperty("targets").GetInt32()), Is.EqualTo(rows.Select(row => row.GetProperty("pointwiseBytes").GetInt64())).Within(60).Percent);
    }

    [Test]
    public void SummariesAreRankedInEveryEncoding()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "summaries", ["--width", "8", "--layers", "1", "--tokens", "4,8", "--newest", "10", "--max-window", "64", "--batch-events", "128", .. Small]);
        AssertWritten(directory, "summaries", run, scorers: 9);
        Assert.That(
            File.ReadAllText(directory.File("work/summaries.md")),
            Does.Contain("| 8 tokens, int8 | 96 |").And.Contain("50 % of the tokens of a learned summary are the newest events as they are."));
    }

    [Test]
    public void EverySummariserIsComparedWithTheNewestEvents()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "summarisers", ["--width", "8", "--layers", "1", "--tokens", "4", "--newest", "10", "--newest-share", "0", "--max-window", "64", "--batch-events", "128", .. Small]);
        AssertWritten(directory, "summarisers", run, scorers: 5);
        Assert.That(run.Output, Does.Contain("sketch: ").And.Contain("AUC over the 4 newest events"));
        Assert.That(File.ReadAllText(directory.File("work/summarisers.md")), Does.Contain("All tokens of a learned summary are learned."));
    }

    [Test]
    public void ScoringTimesAreMeasuredBeyondWhatIsReadRaw()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "scoring-time", "--lengths", "50,3000", "--raw-limit", "100", "--tokens", "4", "--candidates", "5", "--repeat", "3", "--width", "8", "--heads", "1", "--layers", "1");
        AssertWritten(directory, "scoring-time", run, scorers: 0);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(directory.File("work/scoring-time.json")));
        JsonElement[] times = [.. document.RootElement.GetProperty("times").EnumerateArray()];
        Assert.That(times.Select(time => time.GetProperty("history").GetInt32()), Is.EqualTo([50, 3000]));
        Assert.That(times.Select(time => time.TryGetProperty("raw", out _)), Is.EqualTo([true, false]));
    }

    [TestCase("extrapolation", "--average", "100", "--average is 100; it must be a multiple of 8")]
    [TestCase("extrapolation", "--average", "2000", "--average is 2000; it must be below --longest (2000)")]
    [TestCase("extrapolation", "--alphas", "0.1,x", "--alphas is \"0.1,x\"; it must be numbers from 0.001 to 1000, separated by commas")]
    [TestCase("capacity", "--heads", "3", "--heads is 3; it must be a divisor of the width (32)")]
    [TestCase("batching", "--heads", "3", "--heads is 3; it must be a divisor of the width (64)")]
    [TestCase("summaries", "--max-window", "100", "--max-window is 100; it must be a multiple of 8")]
    public void OptionsThatContradictAreUsageErrors(string claim, string option, string value, string message)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "evaluate", claim, "no.lsklog", option, value);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.ToString());
        Assert.That(run.Errors, Does.Contain(message));
        Assert.That(directory.Names, Is.Empty);
    }

    [Test]
    public void TooFewUsersForTheAskedHistoryAreAFailure()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        LskRun run = Run(directory, "batching", "--lengths", "390", "--targets", "5", "--users", "3");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("390").And.Contain("train"));
    }

    [Test]
    public void HelpOfAClaimShowsItsOwnArgumentsOnly()
    {
        using var directory = new WorkingDirectory();
        LskRun help = LskProcess.Run(directory.Path, "evaluate", "capacity", "--help");
        Assert.That(help.ExitCode, Is.Zero, help.ToString());
        Assert.That(help.Output, Does.Contain("lsk evaluate capacity <log> [options]").And.Not.Contain("<model>"));
        LskRun missing = LskProcess.Run(directory.Path, "evaluate", "only.lsklog");
        Assert.That(missing.ExitCode, Is.EqualTo(2), missing.ToString());
        Assert.That(missing.Errors, Does.Contain("model").And.Not.Contain("Which command"));
    }
}

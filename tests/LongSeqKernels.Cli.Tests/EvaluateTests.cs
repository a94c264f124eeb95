using System.Text.Json;
using System.Xml.Linq;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class EvaluateTests
{
    [Test]
    public void PrintsATableAndDrawsAChart()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "evaluate", SmallLog.Name, "small.model", "--per-user", "3", "--windows", "10,100,all");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("36 test requests of 12 users").And.Contain("STCA").And.Contain("logit").And.Contain("popularity").And.Contain("Wrote small.svg"));
        XElement chart = XDocument.Load(directory.File("small.svg")).Root!;
        Assert.That(chart.Name.LocalName, Is.EqualTo("svg"));
    }

    [Test]
    public void JsonHoldsTheReportThatCanAlsoBeWritten()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(
            directory.Path, "evaluate", SmallLog.Name, "small.model", "--per-user", "2", "--windows", "10,100", "--no-baselines", "--chart", "chart.svg", "--report", "report.json", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement results = run.Json.GetProperty("report").GetProperty("results");
        Assert.That(results.GetArrayLength(), Is.EqualTo(1));
        JsonElement[] windows = [.. results[0].GetProperty("windows").EnumerateArray()];
        Assert.That(windows.Select(window => window.GetProperty("window").GetInt32()), Is.EqualTo([10, 100]));
        Assert.That(windows.Select(window => window.GetProperty("auc").GetProperty("mean").GetDouble()), Has.All.InRange(0, 1));
        EvaluationReport report = EvaluationReport.FromJson(File.ReadAllText(directory.File("report.json")));
        Assert.That(report.Results[0].Windows[1].Auc.Mean, Is.EqualTo(windows[1].GetProperty("auc").GetProperty("mean").GetDouble()));
        Assert.That(directory.Names, Does.Contain("chart.svg"));
    }

    [Test]
    public void SeveralModelsAreComparedOnTheSameRequestsWithTheFirst()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "a.model");
        SmallLog.TrainIn(directory, "b.model", steps: 8);
        LskRun run = LskProcess.Run(directory.Path, "evaluate", SmallLog.Name, "a.model", "b.model", "--per-user", "2", "--windows", "10,all", "--table", "ranking.md", "--report", "report.json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        EvaluationReport report = EvaluationReport.FromJson(File.ReadAllText(directory.File("report.json")));
        Assert.That(report.Results.Select(result => result.Name), Is.EqualTo(["STCA (a)", "STCA (b)", "logit", "co-occurrence", "popularity"]));
        string[] table = File.ReadAllLines(directory.File("ranking.md"));
        double lead = report.Results[1].AucOver(report.Results[0], 1).Mean;
        Assert.That(table, Has.Some.StartsWith("|  | all | ").And.Some.Contains($"| {lead:+0.0000;-0.0000} |"));
    }

    [Test]
    public void ModelsWithOtherTestRequestsAreNotCompared()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "a.model");
        LskProcess.Run(directory.Path, ["train", SmallLog.Name, "--out", "b.model", "--steps", "2", "--train-share", "0.5", .. SmallLog.Training]);
        LskRun run = LskProcess.Run(directory.Path, "evaluate", SmallLog.Name, "a.model", "b.model");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("b.model is tested otherwise than a.model"));
    }

    [Test]
    public void TwoEvaluationsGiveTheSameFiles()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        foreach (string run in (string[])["1", "2"])
        {
            LskProcess.Run(directory.Path, "evaluate", SmallLog.Name, "small.model", "--per-user", "2", "--chart", run + ".svg", "--report", run + ".json");
        }
        Assert.That(File.ReadAllText(directory.File("2.json")), Is.EqualTo(File.ReadAllText(directory.File("1.json"))));
        Assert.That(File.ReadAllText(directory.File("2.svg")), Is.EqualTo(File.ReadAllText(directory.File("1.svg"))));
    }

    [TestCase("10,5")]
    [TestCase("0")]
    [TestCase("all,10")]
    [TestCase("ten")]
    public void WindowsThatDoNotGrowAreAUsageError(string windows)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "evaluate", "a", "b", "--windows", windows);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.ToString());
        Assert.That(run.Errors, Does.Contain("--windows is"));
    }

    [Test]
    public void UnwritableChartIsRefusedBeforeTheWorkStarts()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "evaluate", SmallLog.Name, "small.model", "--chart", "nowhere/chart.svg");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("--chart nowhere/chart.svg cannot be written"));
        Assert.That(run.Output, Is.Empty);
    }
}

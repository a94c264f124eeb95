using System.Text.Json;
using System.Xml.Linq;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class BenchTests
{
    private static readonly string[] Small = ["--heads", "2", "--head-width", "8", "--seeds", "4", "--seconds", "0.001"];

    [TestCase("fp32", 28)]
    [TestCase("bf16", 22)]
    [TestCase("fp16", 22)]
    public void EveryOperationHasATimeAndRates(string type, int cases)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--type", type, "--history", "200", "--targets", "3", "--json", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement[] rows = [.. run.Json.GetProperty("rows").EnumerateArray()];
        Assert.That(rows, Has.Length.EqualTo(cases));
        foreach (JsonElement row in rows)
        {
            Assert.That(row.GetProperty("seconds").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("gigabytesPerSecond").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("gigaflopsPerSecond").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("rooflineShare").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("bound").GetString(), Is.EqualTo("Compute").Or.EqualTo("Memory"));
        }
        Assert.That(run.Json.GetProperty("roofline").GetProperty("reads").GetArrayLength(), Is.EqualTo(5));
    }

    [Test]
    public void OneOperationPrintsATable()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--operation", "cross-attention", "--history", "200", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("GB/s").And.Contain("1 target, 200 events").And.Contain("128 targets").And.Contain("backward").And.Not.Contain("layer norm"));
    }

    /// <summary>Lengths and targets are combined; an operation without targets is measured once for each length.</summary>
    [TestCase("cross-attention", 4)]
    [TestCase("layer-norm", 2)]
    public void ShapesAreAllCombinationsOnce(string operation, int rows)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--operation", operation, "--history", "100,200", "--targets", "1,3", "--direction", "forward", "--threads", "1", "--json", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Json.GetProperty("rows").GetArrayLength(), Is.EqualTo(rows));
        Assert.That(run.Json.GetProperty("roofline").GetProperty("threads").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public void ChartAndTableAreWritten()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--operation", "gated-ffn", "--history", "100", "--svg", "roof.svg", "--markdown", "bench.md", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        var chart = XDocument.Load(Path.Combine(directory.Path, "roof.svg"));
        Assert.That(chart.Root!.Value, Does.Contain("gated ffn, 100 rows, 16 to 32").And.Contain("GFLOP/s").And.Contain("%"));
        Assert.That(File.ReadAllText(Path.Combine(directory.Path, "bench.md")), Does.Contain("| gated ffn | 100 rows, 16 to 32 | fp32 | backward |").And.Contain("lsk bench"));
    }

    [Test]
    public void WhatHasNothingToMeasureIsAUsageError()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "bench", "--operation", "merge-states", "--type", "bf16");
        Assert.That(run.ExitCode, Is.EqualTo(2));
        Assert.That(run.Errors, Does.Contain("merge-states has nothing to measure with --direction both and --type bf16."));
    }

    [Test]
    public void AFileThatCannotBeWrittenIsReportedBeforeAnythingIsMeasured()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "bench", "--svg", "missing/roof.svg");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("--svg missing/roof.svg cannot be written: the directory"));
        Assert.That(run.Output, Does.Not.Contain("roofline"));
    }
}

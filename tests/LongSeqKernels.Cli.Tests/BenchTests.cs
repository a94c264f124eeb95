using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class BenchTests
{
    private static readonly string[] Small = ["--history", "200", "--targets", "3", "--heads", "2", "--head-width", "8", "--seeds", "4", "--seconds", "0.001"];

    [TestCase("fp32", 17)]
    [TestCase("bf16", 15)]
    [TestCase("fp16", 15)]
    public void EveryOperationHasATimeAndRates(string type, int cases)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--type", type, "--json", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement[] rows = [.. run.Json.GetProperty("rows").EnumerateArray()];
        Assert.That(rows, Has.Length.EqualTo(cases));
        foreach (JsonElement row in rows)
        {
            Assert.That(row.GetProperty("seconds").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("gigabytesPerSecond").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("gigaflopsPerSecond").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("rooflineShare").GetDouble(), Is.GreaterThan(0));
            Assert.That(row.GetProperty("bound").GetString(), Is.EqualTo("compute").Or.EqualTo("memory"));
        }
    }

    [Test]
    public void OneOperationPrintsATable()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["bench", "--operation", "cross-attention", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("GB/s").And.Contain("1 target, 200 events").And.Contain("backward").And.Not.Contain("layer norm"));
    }
}

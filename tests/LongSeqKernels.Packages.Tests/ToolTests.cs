using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary><c>lsk</c>, installed from its package.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class ToolTests
{
    [Test]
    public void InstalledToolGoesFromATableToStoredSummaries()
    {
        string folder = Feed.NewFolder("tool");
        Dotnet.Run(folder, Feed.Variables, "tool", "install", "LongSeqKernels.Cli", "--version", Feed.Version, "--tool-path", folder).Expected();
        string Lsk(string arguments) => Dotnet.RunProgram(Path.Combine(folder, OperatingSystem.IsWindows() ? "lsk.exe" : "lsk"), folder, [], arguments.Split(' ')).Expected();

        Assert.That(Lsk("info"), Does.Contain("Auto chose it").And.Contain("managed"));

        File.WriteAllLines(Path.Combine(folder, "events.csv"), ["user,item,time", .. from user in Enumerable.Range(0, 4) from i in Enumerable.Range(0, 60) select $"u{user},i{((user * 7) + (i * i)) % 23},{1000 * i}"]);
        Lsk("import csv events.csv --out events.lsklog");
        Lsk("train events.lsklog --model vista --out vista.lskmodel --steps 2 --width 8 --tokens 4 --max-window 64 --batch-events 128 --negatives 5 --train-negatives 5 --train-min-history 5");
        Lsk("summarize events.lsklog vista.lskmodel --store summaries.db");

        Assert.That(new FileInfo(Path.Combine(folder, "summaries.db")).Length, Is.Positive, "SQLite was in the package");
    }
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class DemoTests
{
    private static readonly string[] Small = ["--users", "6", "--events", "600", "--steps", "3", "--seed", "5"];

    [Test]
    public void GoesTheWholePathAndSaysWhereItsFilesAre()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["demo", .. Small]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("Generated, not real").And.Contain("Training: 3 of 3").And.Contain("STCA").And.Contain("latency").And.Contain("Done in"));
        string demo = Path.Combine("lsk-demo", "demo");
        foreach (string file in (string[])[demo + ".lsklog", demo + ".lskmodel", demo + ".svg"])
        {
            Assert.That(run.Output, Does.Contain(file));
            Assert.That(File.Exists(directory.File(file)), file);
        }
        Assert.That(Directory.GetFiles(directory.File("lsk-demo")), Has.Length.EqualTo(3));
    }

    [Test]
    public void OneSeedGivesTheSameFilesAndTheModelCanBeUsed()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, ["demo", "--out", "1", "--json", .. Small]);
        Assert.That(run.Json.GetProperty("targets").GetInt32(), Is.GreaterThan(0), run.ToString());
        Assert.That(run.Json.GetProperty("evaluation").GetProperty("results").GetArrayLength(), Is.EqualTo(3));
        LskProcess.Run(directory.Path, ["demo", "--out", "2", .. Small]);
        foreach (string file in (string[])["demo.lsklog", "demo.lskmodel", "demo.svg"])
        {
            Assert.That(File.ReadAllBytes(directory.File("2/" + file)), Is.EqualTo(File.ReadAllBytes(directory.File("1/" + file))), file);
        }
        LskRun score = LskProcess.Run(directory.Path, "score", "1/demo.lsklog", "1/demo.lskmodel", "--user", "user0", "--repeat", "1");
        Assert.That(score.ExitCode, Is.Zero, score.ToString());
    }

    [Test]
    public void RealDataTakesThePlaceOfGenerated()
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        InteractionLog log = InteractionLogFile.Load(directory.File(SmallLog.Name));
        var text = new System.Text.StringBuilder("user\titem\ttime\n");
        for (int user = 0; user < log.Users.Count; user++)
        {
            for (int i = (int)log.Users.Start(user); i < log.Users.Start(user + 1); i++)
            {
                text.Append(log.UserNames[user]).Append('\t').Append(log.ItemNames[log.Items.Span[i]]).Append('\t').Append(log.Times.Span[i]).Append('\n');
            }
        }
        directory.Write("events.tsv", text.ToString());
        LskRun run = LskProcess.Run(directory.Path, "demo", "--data", "events.tsv", "--steps", "2");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("TSV: events.tsv").And.Not.Contain("Generated"));
    }

    [TestCase("missing", "missing does not exist.")]
    [TestCase(".", "is a directory that is no git repository")]
    public void UnusableDataIsAFailure(string data, string expected)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "demo", "--data", data);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain(expected));
    }

    [Test]
    public void DirectoryThatCannotBeMadeIsAFailure()
    {
        using var directory = new WorkingDirectory();
        directory.Write("file", "");
        LskRun run = LskProcess.Run(directory.Path, "demo", "--out", "file/demo");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("--out file/demo cannot be made"));
        Assert.That(run.Output, Is.Empty);
    }
}

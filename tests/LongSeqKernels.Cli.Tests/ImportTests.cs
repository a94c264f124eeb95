using System.Text.Json;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class ImportTests
{
    private const string GoodRows = "user\titem\ttime\nann\tx\t10\nann\ty\t20\nbob\tx\t5\n";

    [Test]
    public void TsvBecomesALogThatCanBeRead()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows);
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "events.lsklog");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("kept 3 of 3 events").And.Contain("Wrote events.lsklog"));
        InteractionLog log = InteractionLogFile.Load(directory.File("events.lsklog"));
        Assert.That(log.UserNames, Is.EquivalentTo(["ann", "bob"]));
        Assert.That(log.EventCount, Is.EqualTo(3));
    }

    /// <summary>Several gzip members after each other are one file, as `cat a.gz b.gz` makes them.</summary>
    [Test]
    public void GzipMembersAreReadToTheLast()
    {
        using var directory = new WorkingDirectory();
        directory.WriteGzip("events.tsv.gz", GoodRows);
        directory.WriteGzip("more.tsv.gz", "bob\ty\t7\n");
        LskRun run = LskProcess.Shell(directory.Path, "cat events.tsv.gz more.tsv.gz > all.tsv.gz && $LSK import tsv all.tsv.gz --out all.lsklog");
        Assert.That(run.Output, Does.Contain("kept 4 of 4 events"), run.ToString());
    }

    [Test]
    public void MovieLensDirectoryIsItsRatingsAndItsMovies()
    {
        using var directory = new WorkingDirectory();
        Directory.CreateDirectory(directory.File("ml"));
        directory.Write("ml/ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.5,100\n1,20,2.0,200\n");
        directory.Write("ml/movies.csv", "movieId,title,genres\n10,\"A, B\",Drama\n20,C,Comedy\n");
        LskRun run = LskProcess.Run(directory.Path, "import", "movielens-csv", "ml", "--out", "ml.lsklog");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        InteractionLog log = InteractionLogFile.Load(directory.File("ml.lsklog"));
        Assert.That(log.Labels.ToArray(), Is.EqualTo(new float[] { 1, 0 }));
        Assert.That(log.CategoryCount, Is.EqualTo(2));
    }

    [Test]
    public void GitRepositoryBecomesALog()
    {
        using var directory = new WorkingDirectory();
        string git = "git -c user.name=Ann -c user.email=ann@example.org";
        LskRun made = LskProcess.Shell(directory.Path, $"git init -q r && cd r && echo 1 > a && mkdir d && echo 2 > d/b && git add . && {git} commit -qm 1 && echo 3 > a && {git} commit -qam 2");
        Assert.That(made.ExitCode, Is.Zero, made.ToString());
        LskRun run = LskProcess.Run(directory.Path, "import", "git", "r", "--git-user", "name", "--out", "r.lsklog", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Json.GetProperty("report").GetProperty("kept").GetInt64(), Is.EqualTo(3));
        Assert.That(InteractionLogFile.Load(directory.File("r.lsklog")).UserNames, Is.EqualTo(["Ann"]));
    }

    [Test]
    public void BadRowsAreReportedWithLineNumbersAndLeftOut()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows + "ann\t\t30\nann\tz\tlater\nann\n");
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "events.lsklog");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("kept 3 of 6 events, 3 bad rows left out"));
        Assert.That(run.Errors, Does.Contain("events.tsv:5: ").And.Contain("events.tsv:6: ").And.Contain("'later'").And.Contain("events.tsv:7: "));
    }

    [Test]
    public void JsonCountsBadRowsAndNamesTheFirstOnes()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows + string.Concat(Enumerable.Repeat("ann\tz\tlater\n", 30)));
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "events.lsklog", "--max-issues", "4", "--json");
        JsonElement report = run.Json.GetProperty("report");
        Assert.That(report.GetProperty("rows").GetInt64(), Is.EqualTo(33));
        Assert.That(report.GetProperty("bad").GetInt64(), Is.EqualTo(30));
        Assert.That(report.GetProperty("issues").GetArrayLength(), Is.EqualTo(4));
        Assert.That(report.GetProperty("issues")[0].GetProperty("line").GetInt64(), Is.EqualTo(5));
        Assert.That(run.Errors, Does.Contain("and 26 more bad rows."));
    }

    [Test]
    public void StrictStopsAtTheFirstBadRowAndWritesNothing()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows + "ann\tz\tlater\n");
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "events.lsklog", "--strict");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("events.tsv:5: "));
        Assert.That(directory.Names, Is.EqualTo(["events.tsv"]));
    }

    [TestCase("missing.tsv", "missing.tsv does not exist.")]
    [TestCase("empty.tsv", "empty.tsv is empty")]
    [TestCase("headless.tsv", "'user'")]
    [TestCase("short.tsv.gz", "its compressed data is broken or cut short")]
    public void UnusableInputIsAFailureThatNamesIt(string file, string expected)
    {
        using var directory = new WorkingDirectory();
        directory.Write("empty.tsv", "");
        directory.Write("headless.tsv", "1\t2\t3\n");
        directory.WriteGzip("short.tsv.gz", GoodRows + GoodRows, bytesLeftOut: 12);
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", file, "--out", "x.lsklog");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain(expected).And.Not.Contain("   at "));
        Assert.That(File.Exists(directory.File("x.lsklog")), Is.False);
    }

    [TestCase("nowhere/x.lsklog", "does not exist")]
    [TestCase(".", "is a directory")]
    [TestCase("/proc/x.lsklog", "cannot be written")]
    public void UnwritableOutputIsRefusedBeforeTheImportStarts(string output, string expected)
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows);
        LskRun run = LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", output);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain(output).And.Contain(expected));
        Assert.That(run.Output, Is.Empty);
        Assert.That(directory.Names, Is.EqualTo(["events.tsv"]));
    }

    /// <summary>A file-size limit stands for the full disk: the write fails the same way, in the middle of the file.</summary>
    [Test]
    public void FullDiskLeavesNothingHalfWritten()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The limit is set with the shell of Linux.");
        }
        using var directory = new WorkingDirectory();
        var rows = new System.Text.StringBuilder("user\titem\ttime\n");
        for (int i = 0; i < 20_000; i++)
        {
            rows.Append("user").Append(i % 50).Append("\titem").Append(i).Append('\t').Append(i).Append('\n');
        }
        directory.Write("events.tsv", rows.ToString());
        File.WriteAllText(directory.File("events.lsklog"), "an older log");
        LskRun run = LskProcess.Shell(directory.Path, "trap '' XFSZ; ulimit -f 64; DOTNET_EnableWriteXorExecute=0 $LSK import tsv events.tsv --out events.lsklog");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.StartWith("lsk import: ").And.Not.Contain("   at "));
        Assert.That(directory.Names, Is.EqualTo(["events.lsklog", "events.tsv"]));
        Assert.That(File.ReadAllText(directory.File("events.lsklog")), Is.EqualTo("an older log"));
    }

    [Test]
    public void TwoImportsGiveTheSameBytes()
    {
        using var directory = new WorkingDirectory();
        directory.Write("events.tsv", GoodRows);
        LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "1.lsklog");
        LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "2.lsklog");
        Assert.That(File.ReadAllBytes(directory.File("1.lsklog")), Is.EqualTo(File.ReadAllBytes(directory.File("2.lsklog"))));
    }
}

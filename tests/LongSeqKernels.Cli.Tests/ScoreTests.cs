using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class ScoreTests
{
    [Test]
    public void ShowsTheBestTargetsAndLatencies()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--user", "user3", "--candidates", "20", "--top", "4", "--repeat", "3");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("User user3: 20 targets against 400 events").And.Contain("latency").And.Contain("median").And.Contain("targets/s"));
    }

    [Test]
    public void JsonHasScoresInOrderAndQuantiles()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--user", "user1", "user2", "--item", "item5", "item7", "item90", "--top", "0", "--repeat", "2", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement[] users = [.. run.Json.GetProperty("users").EnumerateArray()];
        Assert.That(users.Select(user => user.GetProperty("user").GetString()), Is.EqualTo(["user1", "user2"]));
        foreach (JsonElement user in users)
        {
            JsonElement[] best = [.. user.GetProperty("best").EnumerateArray()];
            Assert.That(best.Select(item => item.GetProperty("item").GetString()), Is.EquivalentTo(["item5", "item7", "item90"]));
            Assert.That(best.Select(item => item.GetProperty("score").GetDouble()), Is.Ordered.Descending);
        }
        JsonElement total = run.Json.GetProperty("seconds").GetProperty("total");
        Assert.That(total.GetProperty("runs").GetInt32(), Is.EqualTo(4));
        Assert.That(total.GetProperty("max").GetDouble(), Is.GreaterThanOrEqualTo(total.GetProperty("median").GetDouble()));
    }

    [Test]
    public void ScoresAsTsvAreTheSameEveryTime()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--out", "1.tsv", "--repeat", "1");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--out", "2.tsv", "--repeat", "3");
        Assert.That(run.Output, Does.Contain("Wrote 2.tsv."), run.ToString());
        string[] lines = File.ReadAllLines(directory.File("1.tsv"));
        Assert.That(lines[0], Is.EqualTo("user\titem\tscore"));
        Assert.That(lines, Has.Length.GreaterThan(10));
        Assert.That(File.ReadAllLines(directory.File("2.tsv")), Is.EqualTo(lines));
    }

    [Test]
    public void TargetsFromAFileAndAShorterWindow()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        directory.Write("targets.txt", "item1\n\n item2 \n");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--items", "targets.txt", "--window", "50", "--repeat", "1");
        Assert.That(run.Output, Does.Contain("2 targets against 50 events"), run.ToString());
    }

    [Test]
    public void ItemsOfTheHistoryCanBeLeftOut()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--unseen", "--top", "0", "--repeat", "1", "--json");
        JsonElement[] best = [.. run.Json.GetProperty("users")[0].GetProperty("best").EnumerateArray()];
        Assert.That(best, Is.Not.Empty, run.ToString());
        Assert.That(best.Select(item => item.GetProperty("historyCount").GetInt32()), Has.All.Zero);
    }

    [Test]
    public void UnknownUsersAndItemsAreNamedWithSuggestions()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun users = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--user", "user1", "usr2", "zzz");
        Assert.That(users.ExitCode, Is.EqualTo(1), users.ToString());
        Assert.That(users.Errors, Does.Contain("2 of 3 users are not in the log: 'usr2' (did you mean 'user2'?), 'zzz'").And.Contain("--skip-unknown"));
        LskRun items = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--item", "itm5");
        Assert.That(items.ExitCode, Is.EqualTo(1), items.ToString());
        Assert.That(items.Errors, Does.Contain("1 of 1 item is not in the log: 'itm5' (did you mean 'item5'?)"));
    }

    [Test]
    public void UnknownNamesCanBeSkipped()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "small.model", "--user", "user1", "nobody", "--item", "item5", "nothing", "--skip-unknown", "--repeat", "1");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Errors, Does.Contain("warning: 1 of 2 users is not in the log: 'nobody'").And.Contain("'nothing'"));
        Assert.That(run.Output, Does.Contain("User user1: 1 target against"));
    }

    [Test]
    public void TruncatedOrForeignModelIsAFailureThatNamesIt()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        byte[] model = File.ReadAllBytes(directory.File("small.model"));
        foreach (int length in (int[])[0, 7, 100, model.Length / 2, model.Length - 1])
        {
            File.WriteAllBytes(directory.File("cut.model"), model[..length]);
            LskRun run = LskProcess.Run(directory.Path, "score", SmallLog.Name, "cut.model");
            Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
            Assert.That(run.Errors, Does.Contain("cut.model").And.Not.Contain("   at ").And.Not.Contain("Unexpected"));
        }
        LskRun log = LskProcess.Run(directory.Path, "score", SmallLog.Name, SmallLog.Name);
        Assert.That(log.ExitCode, Is.EqualTo(1), log.ToString());
        Assert.That(log.Errors, Does.Not.Contain("Unexpected"));
    }

    [Test]
    public void ModelOfAnotherLogIsRefused()
    {
        using var directory = new WorkingDirectory();
        SmallLog.TrainIn(directory, "small.model");
        directory.Write("events.tsv", "user\titem\ttime\nann\tx\t10\nann\ty\t20\n");
        LskProcess.Run(directory.Path, "import", "tsv", "events.tsv", "--out", "other.lsklog");
        LskRun run = LskProcess.Run(directory.Path, "score", "other.lsklog", "small.model");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("other items"));
    }
}

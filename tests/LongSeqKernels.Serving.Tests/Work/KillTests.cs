using System.Diagnostics;
using LongSeqKernels.Models;
using LongSeqKernels.Serving.Tests.Victim;

namespace LongSeqKernels.Serving.Tests;

/// <summary>Processes that are killed (SIGKILL) at random moments, over every kind of database. LONGSEQ_KILLS sets how often; without it as often as takes seconds.</summary>
[TestFixture(DatabaseKind.Sqlite)]
[TestFixture(DatabaseKind.Postgres)]
public sealed class KillTests(DatabaseKind kind)
{
    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("LONGSEQ_KILLS"), out int given) ? given : 5;

    [Test]
    public async Task WhatWasCommittedSurvivesAndNoBatchIsHalf()
    {
        await using TestDatabase database = TestDatabase.Create(kind);
        await using ISummaryStore store = await database.OpenAsync();
        await store.PutAsync(VictimRecords.Batch(0));
        var random = new Random(1);
        int committed = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            committed = Math.Max(committed, await PutUntilKilledAsync(database.Location, committed + 1, random));
            SummaryLookup[] found = await store.GetBatchAsync([.. Enumerable.Range(0, VictimRecords.Users).Select(VictimRecords.User)], VictimRecords.Version, RecordParts.SummaryAndState);
            int round = (int)found[0].Require().HistoryLength;
            for (int user = 0; user < found.Length; user++)
            {
                Records.AssertSame(found[user].Require(), VictimRecords.Record(user, round));
            }
            // A commit whose confirmation the kill swallowed is one more than was told.
            Assert.That(round, Is.InRange(committed, committed + 1));
            committed = round;
        }
        Assert.That(committed, Is.GreaterThan(Kills / 2), "the kills came while batches were written");
    }

    [Test]
    public async Task ARunWhoseWorkersAreKilledGoesOnAndLosesNothing()
    {
        await using TestDatabase database = TestDatabase.Create(kind);
        await using ISummaryStore store = await database.OpenAsync();
        InteractionLog log = Logs.Make(150 + (50 * Kills));
        string path = Path.GetTempFileName();
        try
        {
            InteractionLogFile.Save(log, path);
            await store.Work.StartAsync("run", VictimRecords.Version, UserBatches.Of(log.Users, maxUsers: 5));
            var random = new Random(2);
            long done = 0;
            int interrupted = 0;
            for (int kill = 0; kill < Kills; kill++)
            {
                using Process victim = Start("work", database.Location, path, "run");
                await victim.StandardOutput.ReadLineAsync();
                await Task.Delay(random.Next(10, 250));
                interrupted += victim.HasExited ? 0 : 1;
                victim.Kill();
                await victim.WaitForExitAsync();
                (WorkProgress progress, long summaries) = await StateAsync(store);
                Assert.That(progress.Done, Is.GreaterThanOrEqualTo(done), "what is done stays done");
                Assert.That(summaries, Is.EqualTo(progress.UsersDone), "summaries and their mark are committed together");
                done = progress.Done;
            }
            Assert.That(interrupted, Is.GreaterThan(Kills / 2), "the kills came while users were summarised");
            using Process last = Start("work", database.Location, path, "run");
            string errors = await last.StandardError.ReadToEndAsync();
            await last.WaitForExitAsync();
            Assert.That(last.ExitCode, Is.Zero, errors);
            Assert.That((await store.Work.ProgressAsync("run")).Done, Is.EqualTo(UserBatches.Of(log.Users, maxUsers: 5).Count));
            await Logs.AssertSummarisedAsync(store, log, VictimRecords.Version);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Progress and number of summaries at one moment: a server may still be committing what a killed client had sent.</summary>
    private static async Task<(WorkProgress Progress, long Summaries)> StateAsync(ISummaryStore store)
    {
        while (true)
        {
            WorkProgress before = await store.Work.ProgressAsync("run");
            long summaries = (await store.ListVersionsAsync()).Sum(version => version.Users);
            if ((await store.Work.ProgressAsync("run")).Done == before.Done)
            {
                return (before, summaries);
            }
        }
    }

    /// <summary>The last round whose commit the process had told when it was killed.</summary>
    private static async Task<int> PutUntilKilledAsync(string location, int first, Random random)
    {
        using Process victim = Start("put", location, $"{first}");
        string? line = await victim.StandardOutput.ReadLineAsync();
        Assert.That(line, Is.Not.Null, await ErrorsAsync(victim, line));
        await Task.Delay(random.Next(0, 100));
        victim.Kill();
        string rest = await victim.StandardOutput.ReadToEndAsync();
        await victim.WaitForExitAsync();
        // The last line may be cut short: only those with their end count.
        string[] whole = rest.Split('\n')[..^1];
        return int.Parse(whole.Length > 0 ? whole[^1] : line!);
    }

    private static async Task<string> ErrorsAsync(Process process, string? line) => line is null ? await process.StandardError.ReadToEndAsync() : "";

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(
        Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
        [Path.Combine(AppContext.BaseDirectory, "LongSeqKernels.Serving.Tests.Victim.dll"), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}

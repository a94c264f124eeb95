using System.Text.Json;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;
using Microsoft.Data.Sqlite;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class SummarizeTests
{
    private const string Store = "summaries.db";

    [Test]
    public async Task EveryUserIsSummarisedAndScoresAreThoseOfTheHistory()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        LskRun run = Summarize(directory, "--codec", "fp16", "--workers", "2", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement progress = run.Json.GetProperty("progress");
        Assert.That(progress.GetProperty("usersDone").GetInt32(), Is.EqualTo(12));
        string version = run.Json.GetProperty("version").GetString()!;
        Assert.That(version, Does.Match("^vista-[0-9a-f]{16}$"));
        await using (ISummaryStore store = await SummaryStore.OpenAsync(directory.File(Store)))
        {
            Assert.That(await store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion(version, 12)]));
            SummaryRecord record = await store.GetAsync("user3", version);
            Assert.That((record.HistoryLength, record.Summary.Tokens, record.Summary.Width, record.Summary.Encoding), Is.EqualTo((400, 4, 8, SummaryEncoding.Float16)));
        }
        string[] score = ["score", SmallLog.Name, VistaFile.Name, "--user", "user3", "user5", "--candidates", "30", "--top", "0", "--repeat", "1", "--json"];
        LskRun fresh = LskProcess.Run(directory.Path, score);
        LskRun stored = LskProcess.Run(directory.Path, [.. score, "--store", Store]);
        Assert.That(stored.ExitCode, Is.Zero, stored.ToString());
        double[] expected = Scores(fresh);
        Assert.That(expected, Has.Length.EqualTo(60));
        Assert.That(Scores(stored), Is.EqualTo(expected).Within(2e-3 * expected.Max(Math.Abs)));
    }

    [Test]
    public void AFinishedRunIsNotDoneAgainUnlessAsked()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        Summarize(directory);
        LskRun again = Summarize(directory);
        Assert.That(again.ExitCode, Is.Zero, again.ToString());
        Assert.That(again.Output, Does.Contain("has been summarised with this model already; --restart does it again"));
        LskRun restarted = Summarize(directory, "--restart");
        Assert.That(restarted.Output, Does.Not.Contain("already").And.Contain("12 of 12 users"), restarted.ToString());
    }

    [Test]
    public async Task AppendedEventsGiveTheSummaryOfTheWholeHistory()
    {
        using var directory = new WorkingDirectory();
        InteractionLog longer = SmallLog.Made;
        InteractionLog shorter = Earlier(longer, 390);
        VistaFile.WriteTo(directory, shorter, extendable: true);
        Summarize(directory, "--append", "--codec", "fp16");
        InteractionLogFile.Save(longer, directory.File(SmallLog.Name));
        LskRun appended = Summarize(directory, "--append", "--codec", "fp16", "--json");
        Assert.That(appended.ExitCode, Is.Zero, appended.ToString());
        string[] score = ["score", SmallLog.Name, VistaFile.Name, "--user", "user3", "user5", "--candidates", "30", "--top", "0", "--repeat", "1", "--json"];
        double[] expected = Scores(LskProcess.Run(directory.Path, score));
        Assert.That(Scores(LskProcess.Run(directory.Path, [.. score, "--store", Store])), Is.EqualTo(expected).Within(5e-3 * expected.Max(Math.Abs)));
        await using ISummaryStore store = await SummaryStore.OpenAsync(directory.File(Store));
        SummaryRecord record = await store.GetAsync("user3", appended.Json.GetProperty("version").GetString()!, RecordParts.SummaryAndState);
        Assert.That(record.HistoryLength, Is.EqualTo(400));
        Assert.That(SummaryState.FromBytes(record.State.Span).Events, Is.EqualTo(400));
    }

    [Test]
    public void ModelsThatCannotGoOnSayWhy()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        LskRun run = Summarize(directory, "--append");
        Assert.That(run.Output, Does.Contain("Users with new events are summarised whole. The summariser has 2 layers"), run.ToString());
        Fails(directory, 2, "--refresh-share and --refresh-age go with --append", "summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--refresh-age", "5");
    }

    [Test]
    public async Task AKilledRunGoesOn()
    {
        const int Users = 2000; // several seconds of work: the kills come within the first of them
        using var directory = new WorkingDirectory();
        InteractionLog log = SyntheticLog.Generate(new SyntheticLogOptions { Users = Users, EventsPerUser = 1500, Topics = 10, ItemsPerTopic = 10, InterestsPerUser = 3 });
        VistaFile.WriteTo(directory, log, width: 32);
        string[] summarize = ["summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--lease", "1", "--threads", "1"];
        int killed = 0;
        for (int kill = 0; kill < 3; kill++)
        {
            using LskProcess victim = LskProcess.Start(directory.Path, [], summarize);
            victim.WaitForOutput("Version vista-");
            await Task.Delay(100 + (150 * kill));
            victim.Signal("KILL");
            killed += victim.Wait().ExitCode == 0 ? 0 : 1;
        }
        Assert.That(killed, Is.GreaterThan(0));
        LskRun run = LskProcess.Run(directory.Path, [.. summarize, "--json"]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        await using ISummaryStore store = await SummaryStore.OpenAsync(directory.File(Store));
        SummaryLookup[] found = await store.GetBatchAsync([.. log.UserNames], run.Json.GetProperty("version").GetString()!);
        Assert.That(found.Select(lookup => lookup.Record?.HistoryLength), Is.EqualTo(Enumerable.Range(0, Users).Select(user => (long?)log.Users.Length(user))));
    }

    [Test]
    public void InterruptionKeepsWhatIsDone()
    {
        using var directory = new WorkingDirectory();
        InteractionLog log = SyntheticLog.Generate(new SyntheticLogOptions { Users = 2000, EventsPerUser = 1500, Topics = 10, ItemsPerTopic = 10, InterestsPerUser = 3 });
        VistaFile.WriteTo(directory, log, width: 32);
        using LskProcess process = LskProcess.Start(directory.Path, [], "summarize", SmallLog.Name, VistaFile.Name, "--store", Store);
        process.WaitForOutput("Summarising:");
        process.Signal("INT");
        LskRun run = process.Wait();
        Assert.That(run.ExitCode, Is.EqualTo(130), run.ToString());
        Assert.That(run.Output, Does.Contain("Interrupted. What is done stays; the same command goes on."));
    }

    [Test]
    public async Task WhatEndsTheDisplayEndsTheWorkersFirst()
    {
        using var directory = new WorkingDirectory();
        InteractionLog log = SyntheticLog.Generate(new SyntheticLogOptions { Users = 2000, EventsPerUser = 1500, Topics = 10, ItemsPerTopic = 10, InterestsPerUser = 3 });
        VistaFile.WriteTo(directory, log, width: 32);
        using LskProcess process = LskProcess.Start(directory.Path, [], "summarize", SmallLog.Name, VistaFile.Name, "--store", Store);
        process.WaitForOutput("Summarising:");
        await using var connection = new SqliteConnection($"Data Source={directory.File(Store)};Pooling=False");
        await connection.OpenAsync();
        await using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "DROP TABLE lsk_run"; // progress is read from it, work is not
        await command.ExecuteNonQueryAsync();

        LskRun run = process.Wait();

        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("no such table: lsk_run"));
        command.CommandText = "SELECT COUNT(*) FROM lsk_job WHERE finished = 0";
        Assert.That(await command.ExecuteScalarAsync(), Is.GreaterThan(0L), "it ended in the middle");
        command.CommandText = "SELECT COUNT(*) FROM lsk_job WHERE finished = 0 AND leased_until > 0";
        Assert.That(await command.ExecuteScalarAsync(), Is.Zero, "batches that nobody works on are taken");
        command.CommandText = "SELECT COUNT(*) FROM lsk_job WHERE failures > 0";
        Assert.That(await command.ExecuteScalarAsync(), Is.Zero, "batches that were not to blame have failed");
    }

    [Test]
    public async Task WeightsThatAreNotFiniteAreAFailure()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory, scale: float.NaN);
        LskRun run = Summarize(directory);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("NaN"));
        await using ISummaryStore store = await SummaryStore.OpenAsync(directory.File(Store));
        Assert.That(await store.ListVersionsAsync(), Is.Empty);
    }

    [Test]
    public async Task WrongModelsAndStoresAreExplained()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        SmallLog.TrainIn(directory, "stca.model");
        Fails(directory, 1, "holds a model of the kind STCA; summaries are made and read by a VISTA model", "summarize", SmallLog.Name, "stca.model", "--store", Store);
        Fails(directory, 1, "cannot be opened: its directory must exist", "summarize", SmallLog.Name, VistaFile.Name, "--store", "sqlite:none/at/all.db");
        Fails(directory, 1, "PostgreSQL at 127.0.0.1:1, database d does not answer", "summarize", SmallLog.Name, VistaFile.Name, "--store", "postgres://127.0.0.1:1/d");
        Fails(directory, 1, "location is of the kind \"redis\"", "summarize", SmallLog.Name, VistaFile.Name, "--store", "redis://x");
        Fails(directory, 2, "--store", "summarize", SmallLog.Name, VistaFile.Name);
        Fails(directory, 2, "--window and --store contradict each other", "score", SmallLog.Name, VistaFile.Name, "--store", Store, "--window", "5");
        Fails(directory, 1, $"the SQLite file {Store} does not exist.", "score", SmallLog.Name, VistaFile.Name, "--store", Store, "--user", "user3");
        await (await SummaryStore.OpenAsync(directory.File(Store))).DisposeAsync();
        Fails(directory, 1, "There is no summary of user 'user3'", "score", SmallLog.Name, VistaFile.Name, "--store", Store, "--user", "user3");
    }

    [Test]
    public void SummariesOfOtherWeightsAreForeign()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        Summarize(directory);
        VistaFile.WriteTo(directory, seed: 2);
        Fails(directory, 1, "User 'user3' has no summary of version 'vista-", "score", SmallLog.Name, VistaFile.Name, "--store", Store, "--user", "user3");
    }

    /// <summary>The log as it was when every user had this many events.</summary>
    private static InteractionLog Earlier(InteractionLog log, int events)
    {
        int[] kept = [.. Enumerable.Range(0, log.Users.Count).SelectMany(user => Enumerable.Range((int)log.Users.Start(user), events))];
        return new InteractionLog
        {
            Users = JaggedLayout.Uniform(log.Users.Count, events),
            Items = kept.Select(i => log.Items.Span[i]).ToArray(),
            Times = kept.Select(i => log.Times.Span[i]).ToArray(),
            ItemCount = log.ItemCount,
            ItemCategories = log.ItemCategories,
            CategoryCount = log.CategoryCount,
            UserNames = log.UserNames,
            ItemNames = log.ItemNames,
        };
    }

    private static LskRun Summarize(WorkingDirectory directory, params string[] options) =>
        LskProcess.Run(directory.Path, ["summarize", SmallLog.Name, VistaFile.Name, "--store", Store, .. options]);

    private static double[] Scores(LskRun run) =>
    [
        .. run.Json.GetProperty("users").EnumerateArray().SelectMany(user => user.GetProperty("best").EnumerateArray().OrderBy(item => item.GetProperty("item").GetString(), StringComparer.Ordinal))
            .Select(item => item.GetProperty("score").GetDouble()),
    ];

    private static void Fails(WorkingDirectory directory, int exitCode, string message, params string[] arguments)
    {
        LskRun run = LskProcess.Run(directory.Path, arguments);
        Assert.That(run.ExitCode, Is.EqualTo(exitCode), run.ToString());
        Assert.That(run.Errors, Does.Contain(message).And.Not.Contain("Unexpected"));
    }
}

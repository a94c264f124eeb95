using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class StoreTests
{
    private const string Store = "summaries.db";

    [Test]
    public async Task VersionsAndUsersAreListedAndRemoved()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        foreach (string version in (string[])["first", "second"])
        {
            LskRun summarized = LskProcess.Run(directory.Path, "summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--model-version", version);
            Assert.That(summarized.ExitCode, Is.Zero, summarized.ToString());
        }
        Assert.That(Versions(directory), Is.EqualTo([("first", 12), ("second", 12)]));
        Assert.That(Removed(directory, "delete", "--user", "user3"), Is.EqualTo(2));
        Assert.That(Versions(directory), Is.EqualTo([("first", 11), ("second", 11)]));
        Assert.That(Removed(directory, "delete", "--model-version", "first"), Is.EqualTo(11));
        Assert.That(Versions(directory), Is.EqualTo([("second", 11)]));
        await using ISummaryStore store = await SummaryStore.OpenAsync(directory.File(Store));
        Assert.That((await store.GetAsync("user5", "second")).HistoryLength, Is.EqualTo(400));
    }

    [Test]
    public void WhatHasExpiredIsPurged()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        LskProcess.Run(directory.Path, "summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--model-version", "lasting");
        LskProcess.Run(directory.Path, "summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--model-version", "brief", "--ttl", "0.001");
        Thread.Sleep(TimeSpan.FromHours(0.001) + TimeSpan.FromSeconds(1));
        Assert.That(Removed(directory, "purge"), Is.EqualTo(12));
        Assert.That(Removed(directory, "purge"), Is.Zero);
        Assert.That(Versions(directory), Is.EqualTo([("lasting", 12)]));
    }

    [Test]
    public void MistakesAreNamedAndRemoveNothing()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        Fails(directory, 1, Store, "list", "--store", Store);
        Assert.That(File.Exists(directory.File(Store)), Is.False);
        LskProcess.Run(directory.Path, "summarize", SmallLog.Name, VistaFile.Name, "--store", Store, "--model-version", "there");
        Fails(directory, 2, "Which command? One of list, delete, purge.");
        Fails(directory, 2, "Say either --model-version or --user", "delete", "--store", Store);
        Fails(directory, 2, "Say either --model-version or --user", "delete", "--store", Store, "--user", "user3", "--model-version", "there");
        Fails(directory, 1, "There are no summaries of the model version their: ", "delete", "--store", Store, "--model-version", "their");
        Fails(directory, 1, "There is no summary of the user nobody in", "delete", "--store", Store, "--user", "nobody");
        Assert.That(Versions(directory), Is.EqualTo([("there", 12)]));
    }

    private static (string, int)[] Versions(WorkingDirectory directory)
    {
        LskRun run = LskProcess.Run(directory.Path, "store", "list", "--store", Store, "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        return [.. run.Json.GetProperty("versions").EnumerateArray().Select(version => (version.GetProperty("version").GetString()!, version.GetProperty("users").GetInt32()))];
    }

    private static long Removed(WorkingDirectory directory, string command, params string[] arguments)
    {
        LskRun run = LskProcess.Run(directory.Path, ["store", command, "--store", Store, "--json", .. arguments]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        return run.Json.GetProperty("removed").GetInt64();
    }

    private static void Fails(WorkingDirectory directory, int exitCode, string message, params string[] arguments)
    {
        LskRun run = LskProcess.Run(directory.Path, ["store", .. arguments]);
        Assert.That(run.ExitCode, Is.EqualTo(exitCode), run.ToString());
        Assert.That(run.Errors, Does.Contain(message));
    }
}

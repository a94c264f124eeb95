using System.CommandLine;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk store list --json</c> prints.</summary>
/// <param name="Command">"store list".</param>
/// <param name="Store">The database.</param>
/// <param name="Versions">The model versions and their users.</param>
internal sealed record StoreListDocument(string Command, string Store, IReadOnlyList<SummaryVersion> Versions);

/// <summary>What <c>lsk store delete --json</c> and <c>lsk store purge --json</c> print.</summary>
/// <param name="Command">"store delete" or "store purge".</param>
/// <param name="Store">The database.</param>
/// <param name="Removed">Number of summaries removed.</param>
internal sealed record StoreRemovalDocument(string Command, string Store, long Removed);

/// <summary><c>lsk store</c>: what its operator does with a summary store.</summary>
internal sealed class StoreCommand : Command
{
    public StoreCommand(CommandHost host)
        : base("store", "Look after a summary store: list its model versions, remove one of them or a user, purge what has expired")
    {
        Add(new StoreListCommand(host));
        Add(new StoreDeleteCommand(host));
        Add(new StorePurgeCommand(host));
    }
}

/// <summary><c>lsk store list</c>.</summary>
internal sealed class StoreListCommand : LskCommand
{
    private readonly StoreLocation _location;

    public StoreListCommand(CommandHost host)
        : base("list", "List the model versions that a store has summaries of", host) => _location = new StoreLocation(this, "The store", required: true);

    public override IReadOnlyList<string> Examples => ["lsk store list --store summaries.db"];

    protected override int Run(Invocation invocation) => RunAsync(invocation).GetAwaiter().GetResult();

    private async Task<int> RunAsync(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        await using ISummaryStore store = _location.Open(invocation, MissingStore.Refuse);
        IReadOnlyList<SummaryVersion> versions = await store.ListVersionsAsync(invocation.Interruption);
        var table = new ResultTable("model version", ">users");
        foreach (SummaryVersion version in versions)
        {
            table.Row(version.Version, Format.Count(version.Users));
        }
        terminal.Line($"{store.Description}: {Format.Count(versions.Count, "model version")}");
        if (versions.Count > 0)
        {
            table.Show(terminal);
        }
        terminal.Document(new StoreListDocument("store list", store.Description, versions), Documents.Default.StoreListDocument);
        return ExitCode.Success;
    }
}

/// <summary><c>lsk store delete</c>.</summary>
internal sealed class StoreDeleteCommand : LskCommand
{
    private readonly StoreLocation _location;
    private readonly Option<string?> _version = OptionOf.Text("--model-version", "Remove all summaries of this model version", "name");
    private readonly Option<string?> _user = OptionOf.Text("--user", "Remove the summaries of this user, of every model version", "name");

    public StoreDeleteCommand(CommandHost host)
        : base("delete", "Remove the summaries of a model version, or of a user", host)
    {
        _location = new StoreLocation(this, "The store", required: true);
        Add(_version);
        Add(_user);
    }

    public override string Details => "Servers of the version answer with 404 for users whose summaries are gone. Interrupted, what was removed stays removed; the same command goes on.";

    public override IReadOnlyList<string> Examples =>
    [
        "lsk store delete --store summaries.db --model-version vista-0123456789abcdef",
        "lsk store delete --store postgres://lsk@db/lsk --user ann",
    ];

    protected override int Run(Invocation invocation) => RunAsync(invocation).GetAwaiter().GetResult();

    private async Task<int> RunAsync(Invocation invocation)
    {
        string? version = invocation.Get(_version);
        string? user = invocation.Get(_user);
        if (version is null == user is null)
        {
            throw Failure.Usage("Say either --model-version or --user: one of them is removed.");
        }
        await using ISummaryStore store = _location.Open(invocation, MissingStore.Refuse);
        long removed;
        if (version is not null)
        {
            IReadOnlyList<SummaryVersion> versions = await store.ListVersionsAsync(invocation.Interruption);
            if (!versions.Any(known => known.Version == version))
            {
                string there = versions.Count == 0 ? "is empty" : $"has {string.Join(", ", versions.Select(known => known.Version))}";
                throw new Failure($"There are no summaries of the model version {version}: {store.Description} {there}.");
            }
            removed = await store.DeleteVersionAsync(version, invocation.Interruption);
        }
        else
        {
            removed = await store.DeleteUserAsync(user!, invocation.Interruption);
            if (removed == 0)
            {
                throw new Failure($"There is no summary of the user {user} in {store.Description}.");
            }
        }
        StoreRemovals.Report(invocation.Terminal, "store delete", store, removed);
        return ExitCode.Success;
    }
}

/// <summary><c>lsk store purge</c>.</summary>
internal sealed class StorePurgeCommand : LskCommand
{
    private readonly StoreLocation _location;

    public StorePurgeCommand(CommandHost host)
        : base("purge", "Remove the summaries whose time to live is over", host) => _location = new StoreLocation(this, "The store", required: true);

    public override string Details => "Expired summaries are never given out, purged or not; purging gives their room back. Run it now and then, for instance daily.";

    public override IReadOnlyList<string> Examples => ["lsk store purge --store summaries.db"];

    protected override int Run(Invocation invocation) => RunAsync(invocation).GetAwaiter().GetResult();

    private async Task<int> RunAsync(Invocation invocation)
    {
        await using ISummaryStore store = _location.Open(invocation, MissingStore.Refuse);
        StoreRemovals.Report(invocation.Terminal, "store purge", store, await store.PurgeExpiredAsync(invocation.Interruption));
        return ExitCode.Success;
    }
}

/// <summary>What commands that remove summaries say in the end.</summary>
internal static class StoreRemovals
{
    public static void Report(Terminal terminal, string command, ISummaryStore store, long removed)
    {
        terminal.Line($"Removed {Format.Count(removed, "summary", "summaries")} from {store.Description}.");
        terminal.Document(new StoreRemovalDocument(command, store.Description, removed), Documents.Default.StoreRemovalDocument);
    }
}

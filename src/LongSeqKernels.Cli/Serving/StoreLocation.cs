using System.CommandLine;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>The option that says where a summary store is.</summary>
internal sealed class StoreLocation
{
    private readonly Option<string?> _store;

    public StoreLocation(Command command, string meaning, bool required)
    {
        _store = OptionOf.Text("--store", meaning + ": sqlite:PATH, a path, or postgres://USER:PASSWORD@HOST/DATABASE", "location", required);
        command.Add(_store);
    }

    /// <summary>Whether the user names a store.</summary>
    public bool IsGiven(Invocation invocation) => invocation.IsGiven(_store);

    public ISummaryStore Open(Invocation invocation, MissingStore missing) =>
        SummaryStore.OpenAsync(invocation.Get(_store)!, new SummaryStoreOptions { Missing = missing }, invocation.Interruption).AsTask().GetAwaiter().GetResult();
}

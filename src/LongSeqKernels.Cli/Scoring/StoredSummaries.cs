using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>The summaries of one model version in a store.</summary>
/// <param name="store">The store; disposed with this.</param>
/// <param name="version">The version.</param>
/// <param name="scorer">The model's scorer.</param>
internal sealed class StoredSummaries(ISummaryStore store, string version, VistaScorer scorer) : IDisposable
{
    public VistaScorer Scorer => scorer;

    /// <summary>The summary of a user.</summary>
    /// <exception cref="SummaryStoreException">There is none, or the store failed.</exception>
    public UserSummary Read(string user) => store.GetAsync(user, version).AsTask().GetAwaiter().GetResult().Summary;

    public void Dispose() => store.DisposeAsync().AsTask().GetAwaiter().GetResult();
}

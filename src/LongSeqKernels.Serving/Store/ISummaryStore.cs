namespace LongSeqKernels.Serving;

/// <summary>
/// Summaries of users by (user, model version), in a database that several processes on several machines share. Thread-safe. A record is replaced whole or not at all,
/// and what a completed call wrote is there after the process, or its machine, dies. Open one with <see cref="SummaryStore.OpenAsync"/>.
/// </summary>
/// <remarks>
/// Every method throws <see cref="SummaryStoreException"/> with <see cref="StoreFault.Unreachable"/> when the database does not answer and with
/// <see cref="StoreFault.Full"/> when it has no room, and <see cref="OperationCanceledException"/> when it was cancelled; then nothing was changed.
/// </remarks>
public interface ISummaryStore : IAsyncDisposable
{
    /// <summary>The kind and place of the database, without secrets: for messages.</summary>
    string Description { get; }

    /// <summary>The work table of the same database.</summary>
    ISummaryWork Work { get; }

    /// <summary>Reads the summaries of several users in one round trip.</summary>
    /// <param name="users">Names; any number, repetitions allowed.</param>
    /// <param name="version">The model version that will read them.</param>
    /// <param name="parts">Whether the incremental state is read as well.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>One lookup per user, in the order of <paramref name="users"/>: a record that was checked bit by bit, or why there is none.</returns>
    ValueTask<SummaryLookup[]> GetBatchAsync(IReadOnlyList<string> users, string version, RecordParts parts = RecordParts.Summary, CancellationToken cancellation = default);

    /// <summary>
    /// Writes the summaries of several users: all of them, or none. A record replaces the stored one of its user and version unless that one has seen newer events:
    /// a worker that comes late never undoes the work of a later one.
    /// </summary>
    /// <param name="records">At most one per user and version.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>How many were written: fewer than given where the store has newer ones.</returns>
    /// <exception cref="ArgumentException">A record does not hold what its fields promise; nothing was written.</exception>
    ValueTask<int> PutAsync(IReadOnlyList<SummaryRecord> records, CancellationToken cancellation = default);

    /// <summary>The model versions that there are summaries of, by name.</summary>
    ValueTask<IReadOnlyList<SummaryVersion>> ListVersionsAsync(CancellationToken cancellation = default);

    /// <summary>Removes all summaries of a model version, some at a time; after a failure, call it again.</summary>
    /// <returns>How many were removed.</returns>
    ValueTask<long> DeleteVersionAsync(string version, CancellationToken cancellation = default);

    /// <summary>Removes the summaries of a user, of every version.</summary>
    /// <returns>How many were removed.</returns>
    ValueTask<long> DeleteUserAsync(string user, CancellationToken cancellation = default);

    /// <summary>Removes the summaries whose time to live is over, some at a time.</summary>
    /// <returns>How many were removed.</returns>
    ValueTask<long> PurgeExpiredAsync(CancellationToken cancellation = default);

    /// <summary>Asks the database for an answer: for health checks.</summary>
    ValueTask PingAsync(CancellationToken cancellation = default);
}

/// <summary>Shorter ways to call a store.</summary>
public static class SummaryStoreExtensions
{
    /// <summary>Reads the summary of one user.</summary>
    /// <param name="store">The store.</param>
    /// <param name="user">The user's name.</param>
    /// <param name="version">The model version that will read it.</param>
    /// <param name="parts">Whether the incremental state is read as well.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="SummaryStoreException">There is none, or the store failed.</exception>
    public static async ValueTask<SummaryRecord> GetAsync(
        this ISummaryStore store, string user, string version, RecordParts parts = RecordParts.Summary, CancellationToken cancellation = default) =>
        (await store.GetBatchAsync([user], version, parts, cancellation))[0].Require();
}

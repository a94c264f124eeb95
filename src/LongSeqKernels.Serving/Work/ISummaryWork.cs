namespace LongSeqKernels.Serving;

/// <summary>
/// The work table: batches of users to summarise, claimed by any number of workers in any number of processes on any number of machines. Every batch is done at least once
/// and is recorded as done in the same transaction that stores its summaries; summarising twice gives the same records, so nothing is lost and nothing counts twice, whatever
/// worker dies when. Thread-safe; fails as <see cref="ISummaryStore"/> does.
/// </summary>
public interface ISummaryWork
{
    /// <summary>Starts a run, or joins the one of this name: an interrupted one goes on where it was, batches that had failed are tried again.</summary>
    /// <param name="run">Its name: the same for all that share the work, another for other users, histories or settings.</param>
    /// <param name="version">The version of the model that makes the summaries.</param>
    /// <param name="batches">All batches of the run; used only when it is new.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>How far the run is.</returns>
    ValueTask<WorkProgress> StartAsync(string run, string version, IReadOnlyList<UserBatch> batches, CancellationToken cancellation = default);

    /// <summary>Claims a batch that nobody has, or whose worker has let its lease run out.</summary>
    /// <param name="run">The run.</param>
    /// <param name="lease">How long the claim holds unless <see cref="RenewAsync"/> prolongs it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The claim; null when there is nothing to claim now: the run is finished, or others hold the rest.</returns>
    ValueTask<WorkClaim?> ClaimAsync(string run, TimeSpan lease, CancellationToken cancellation = default);

    /// <summary>Prolongs a claim.</summary>
    /// <returns>Whether it was still held; if not, another worker has the batch and this one should drop it.</returns>
    ValueTask<bool> RenewAsync(WorkClaim claim, TimeSpan lease, CancellationToken cancellation = default);

    /// <summary>Stores the summaries of a batch and marks it as done, in one transaction.</summary>
    /// <returns>Whether the claim was still held; if not, nothing was written: another worker has the batch.</returns>
    ValueTask<bool> CompleteAsync(WorkClaim claim, IReadOnlyList<SummaryRecord> records, CancellationToken cancellation = default);

    /// <summary>Gives a claim back before it is done, so that others need not wait for its lease to run out.</summary>
    ValueTask ReleaseAsync(WorkClaim claim, CancellationToken cancellation = default);

    /// <summary>Gives back a claim that could not be done. After <see cref="WorkClaim.MaxFailures"/> failures nobody claims the batch until the run is started again.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="error">Why, for <see cref="ErrorsAsync"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask FailAsync(WorkClaim claim, string error, CancellationToken cancellation = default);

    /// <summary>How far a run is.</summary>
    ValueTask<WorkProgress> ProgressAsync(string run, CancellationToken cancellation = default);

    /// <summary>Why batches that are not done failed last, some of them.</summary>
    ValueTask<IReadOnlyList<string>> ErrorsAsync(string run, CancellationToken cancellation = default);

    /// <summary>Forgets a run. Workers that hold claims of it notice; summaries stay.</summary>
    ValueTask DeleteRunAsync(string run, CancellationToken cancellation = default);
}

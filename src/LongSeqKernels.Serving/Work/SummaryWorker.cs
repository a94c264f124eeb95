using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>
/// Claims batches of users, summarises them and stores the results until a run is finished. Any number of workers, here and elsewhere, share a run; when one dies, others
/// take its batch when the lease is over.
/// </summary>
public sealed class SummaryWorker
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ShortestLease = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(5);

    private readonly ISummaryStore _store;
    private readonly InteractionLog _log;
    private readonly IUserSummariser _summariser;
    private readonly SummaryWorkerOptions _options;

    /// <summary>A worker.</summary>
    /// <param name="store">Where summaries and work are.</param>
    /// <param name="log">The histories; the same log in every worker of the run.</param>
    /// <param name="summariser">Makes summaries; this worker's own.</param>
    /// <param name="options">Run, version, lease.</param>
    /// <exception cref="ArgumentException">The lease or the share is out of range, or the log does not hold.</exception>
    public SummaryWorker(ISummaryStore store, InteractionLog log, IUserSummariser summariser, SummaryWorkerOptions options)
    {
        if (options.Lease < ShortestLease)
        {
            throw Error.Invalid(nameof(options.Lease), $"{options.Lease.TotalMilliseconds} ms", "100 ms or more");
        }
        if (!(options.RefreshShare is >= 0 and <= 1))
        {
            throw Error.Range(nameof(options.RefreshShare), options.RefreshShare, "from 0 to 1");
        }
        (_store, _log, _summariser, _options) = (store, log.Validate(), summariser, options);
    }

    /// <summary>Works until the run is finished, by this worker or by others. Batches that cannot be summarised are reported to the work table and left.</summary>
    /// <param name="cancellation">Stops after the user in progress; the batch is given back at once.</param>
    /// <exception cref="SummaryStoreException">The store failed for longer than the options' patience.</exception>
    public async Task RunAsync(CancellationToken cancellation = default)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            WorkClaim? claim = await Patiently(() => _store.Work.ClaimAsync(_options.Run, _options.Lease, cancellation), cancellation);
            if (claim is not null)
            {
                await DoAsync(claim, cancellation);
                continue;
            }
            if ((await Patiently(() => _store.Work.ProgressAsync(_options.Run, cancellation), cancellation)).IsFinished)
            {
                return;
            }
            await Task.Delay(Poll, cancellation);
        }
    }

    private async Task DoAsync(WorkClaim claim, CancellationToken cancellation)
    {
        using var given = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task heartbeat = RenewAsync(claim, given.CancelAsync, given.Token);
        try
        {
            IReadOnlyList<SummaryRecord> records = await SummariseAsync(claim, given.Token);
            await Patiently(() => _store.Work.CompleteAsync(claim, records, given.Token), given.Token);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await ReleaseAsync(claim);
            throw;
        }
        catch (OperationCanceledException)
        {
            // The lease was lost to another worker, who does the batch again.
        }
        catch (Exception exception) when (exception is not SummaryStoreException)
        {
            await Patiently(async () => await FailAsync(claim, exception, cancellation), cancellation);
        }
        finally
        {
            await given.CancelAsync();
            await heartbeat;
        }
    }

    private async Task ReleaseAsync(WorkClaim claim)
    {
        try
        {
            await _store.Work.ReleaseAsync(claim, CancellationToken.None);
        }
        catch (SummaryStoreException)
        {
            // Then others wait until the lease is over.
        }
    }

    private async ValueTask<bool> FailAsync(WorkClaim claim, Exception exception, CancellationToken cancellation)
    {
        await _store.Work.FailAsync(claim, $"{exception.GetType().Name}: {exception.Message}", cancellation);
        return true;
    }

    /// <summary>Prolongs the claim until its work ends; cancels the work when the claim is lost.</summary>
    private async Task RenewAsync(WorkClaim claim, Func<Task> cancelWork, CancellationToken workEnded)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_options.Lease / 3, workEnded);
                if (!await Patiently(() => _store.Work.RenewAsync(claim, _options.Lease, workEnded), workEnded))
                {
                    await cancelWork();
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SummaryStoreException)
        {
            // The work is over; a store that fails here fails there too.
        }
    }

    private async Task<IReadOnlyList<SummaryRecord>> SummariseAsync(WorkClaim claim, CancellationToken cancellation)
    {
        int[] users = [.. Enumerable.Range((int)claim.Batch.FirstUser, (int)claim.Batch.Users)];
        if (users[^1] >= _log.Users.Count)
        {
            throw new InvalidDataException($"The batch has user {users[^1]}, the log {_log.Users.Count} users: this worker reads another log than the one that started the run.");
        }
        string[] names = [.. users.Select(user => _log.UserNames[user])];
        SummaryLookup[] stored = _options.Mode == SummaryMode.Append
            ? await Patiently(() => _store.GetBatchAsync(names, _options.Version, RecordParts.SummaryAndState, cancellation), cancellation)
            : new SummaryLookup[users.Length];
        var records = new List<SummaryRecord>();
        for (int i = 0; i < users.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            // Off this thread: the heartbeat goes on while a long history is summarised.
            int index = i;
            if (await Task.Run(() => Record(users[index], names[index], stored[index].Record), cancellation) is { } record)
            {
                records.Add(record);
            }
        }
        return records;
    }

    /// <summary>The record of a user; null when the stored one stays as it is.</summary>
    private SummaryRecord? Record(int user, string name, SummaryRecord? stored)
    {
        UserHistory history = UserHistory.Of(_log, user, _options.RequestTime, _log.ActionCount);
        int length = history.Items.Length;
        long newest = history.Times.Span[^1];
        long now = _options.Clock.GetUtcNow().ToUnixTimeSeconds();
        long expiry = _options.TimeToLive is { } life ? now + (long)life.TotalSeconds : SummaryRecord.NeverExpires;
        if (stored is not null && (IsWhole(stored, history) || IsFreshEnough(stored, history, now)))
        {
            return stored.ExpiryTime == expiry ? null : stored with { ExpiryTime = expiry };
        }
        EarlierState? earlier = stored is { State.IsEmpty: false } && IsOfFirstEvents(stored, history) ? new EarlierState(stored.HistoryLength, stored.State) : null;
        SummarisedUser made = _summariser.Summarise(history, earlier);
        return new SummaryRecord
        {
            User = name,
            Version = _options.Version,
            HistoryTime = newest,
            HistoryLength = length,
            WrittenTime = now,
            ExpiryTime = expiry,
            Summary = made.Summary,
            State = made.State,
        };
    }

    private static bool IsWhole(SummaryRecord stored, UserHistory history) =>
        stored.HistoryLength == history.Items.Length && stored.HistoryTime == history.Times.Span[^1];

    /// <summary>Whether a record is one of the first events of this very history, with others after them.</summary>
    private static bool IsOfFirstEvents(SummaryRecord stored, UserHistory history) =>
        stored.HistoryLength > 0 && stored.HistoryLength < history.Items.Length && history.Times.Span[(int)stored.HistoryLength - 1] == stored.HistoryTime;

    /// <summary>Whether the policy leaves a record that lacks events and cannot be gone on with.</summary>
    private bool IsFreshEnough(SummaryRecord stored, UserHistory history, long now) =>
        stored.State.IsEmpty && IsOfFirstEvents(stored, history)
        && history.Items.Length - stored.HistoryLength < _options.RefreshShare * history.Items.Length
        && (_options.RefreshAge is not { } age || now - stored.WrittenTime < age.TotalSeconds);

    /// <summary>Tries again while the database does not answer.</summary>
    private async Task<T> Patiently<T>(Func<ValueTask<T>> work, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        for (TimeSpan wait = FirstRetry; ; wait = TimeSpan.FromTicks(Math.Min(2 * wait.Ticks, LastRetry.Ticks)))
        {
            try
            {
                return await work();
            }
            catch (SummaryStoreException exception) when (exception.Fault == StoreFault.Unreachable && Stopwatch.GetElapsedTime(start) + wait < _options.Patience)
            {
                await Task.Delay(wait, cancellation);
            }
        }
    }
}

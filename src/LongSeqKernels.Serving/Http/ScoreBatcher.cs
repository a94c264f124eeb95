using System.Diagnostics;
using System.Threading.Channels;

namespace LongSeqKernels.Serving;

/// <summary>A request on its way through a batch.</summary>
internal sealed class PendingScore(string user, int[] candidates, float[] features, CancellationToken givenUp)
{
    private readonly TaskCompletionSource<ScoreResponse> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string User => user;

    public int[] Candidates => candidates;

    public float[] Features => features;

    /// <summary>Whether nobody waits for the answer any more.</summary>
    public bool IsGivenUp => givenUp.IsCancellationRequested;

    public Task<ScoreResponse> Answer => _answer.Task;

    public void Complete(ScoreResponse response) => _answer.TrySetResult(response);

    public void Fail(Exception exception) => _answer.TrySetException(exception);
}

/// <summary>
/// Request-level batching across users: requests that arrive while others are scored, or within a short window, become one read of the store and one run of the model.
/// One loop per scorer; a request that breaks a run fails alone.
/// </summary>
internal sealed class ScoreBatcher : IAsyncDisposable
{
    private readonly ISummaryStore _store;
    private readonly ScoringServerOptions _options;
    private readonly ServingMetrics _metrics;
    private readonly Channel<PendingScore> _queue;
    private readonly Task[] _loops;

    public ScoreBatcher(ISummaryStore store, IReadOnlyList<ISummaryScorer> scorers, ScoringServerOptions options, ServingMetrics metrics)
    {
        (_store, _options, _metrics) = (store, options, metrics);
        _queue = Channel.CreateBounded<PendingScore>(new BoundedChannelOptions(options.MaxWaiting) { SingleReader = scorers.Count == 1 });
        metrics.ObserveWaiting(() => _queue.Reader.Count);
        _loops = [.. scorers.Select(scorer => Task.Run(() => LoopAsync(scorer)))];
    }

    /// <summary>Takes a request on, unless too many wait.</summary>
    public bool TryAdd(PendingScore request) => _queue.Writer.TryWrite(request);

    /// <summary>Finishes what was taken on.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAll(_loops);
    }

    private async Task LoopAsync(ISummaryScorer scorer)
    {
        var batch = new List<PendingScore>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            int candidates = Collect(batch, 0);
            if (_options.BatchWindow > TimeSpan.Zero && batch.Count < _options.MaxBatchRequests && candidates < _options.MaxBatchCandidates)
            {
                await Task.Delay(_options.BatchWindow);
                Collect(batch, candidates);
            }
            if (batch.Count > 0)
            {
                await AnswerAsync(scorer, batch);
                batch.Clear();
            }
        }
    }

    /// <summary>Adds what waits to a batch; returns its candidates.</summary>
    private int Collect(List<PendingScore> batch, int candidates)
    {
        while (batch.Count < _options.MaxBatchRequests && candidates < _options.MaxBatchCandidates && _queue.Reader.TryRead(out PendingScore? request))
        {
            if (!request.IsGivenUp)
            {
                batch.Add(request);
                candidates += request.Candidates.Length;
            }
        }
        return candidates;
    }

    private async Task AnswerAsync(ISummaryScorer scorer, List<PendingScore> batch)
    {
        SummaryLookup[] found;
        long start = Stopwatch.GetTimestamp();
        try
        {
            using var limit = new CancellationTokenSource(_options.Timeout);
            found = await _store.GetBatchAsync([.. batch.Select(request => request.User)], _options.Version, RecordParts.Summary, limit.Token);
        }
        catch (Exception exception)
        {
            Exception failure = exception switch
            {
                SummaryStoreException store => Failed(store),
                OperationCanceledException => new RequestRefusedException(503, "store_unavailable", $"{_store.Description} did not answer within {_options.Timeout.TotalSeconds} s.", exception),
                _ => exception,
            };
            batch.ForEach(request => request.Fail(failure));
            return;
        }
        finally
        {
            _metrics.StoreRead(Stopwatch.GetElapsedTime(start));
        }
        var ready = new List<(PendingScore Request, SummaryRecord Record)>(batch.Count);
        for (int i = 0; i < found.Length; i++)
        {
            if (found[i].Record is { } record)
            {
                ready.Add((batch[i], record));
            }
            else
            {
                batch[i].Fail(Failed(found[i].Failure!));
            }
        }
        Score(scorer, ready);
    }

    private RequestRefusedException Failed(SummaryStoreException failure)
    {
        _metrics.StoreFailed(failure.Fault);
        return RequestRefusedException.Of(failure);
    }

    private void Score(ISummaryScorer scorer, List<(PendingScore Request, SummaryRecord Record)> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }
        JaggedLayout targets = JaggedLayout.FromLengths([.. batch.Select(entry => (long)entry.Request.Candidates.Length)]);
        var scores = new float[targets.Total];
        long start = Stopwatch.GetTimestamp();
        try
        {
            scorer.Score(
                [.. batch.Select(entry => entry.Record.Summary)], targets, batch.SelectMany(entry => entry.Request.Candidates).ToArray(),
                batch.SelectMany(entry => entry.Request.Features).ToArray(), scores);
        }
        catch (Exception exception)
        {
            if (batch.Count == 1)
            {
                batch[0].Request.Fail(exception);
                return;
            }
            // One of them breaks the run: only that one may fail.
            batch.ForEach(entry => Score(scorer, [entry]));
            return;
        }
        _metrics.BatchScored(batch.Count, scores.Length, Stopwatch.GetElapsedTime(start));
        for (int i = 0; i < batch.Count; i++)
        {
            (PendingScore request, SummaryRecord record) = batch[i];
            float[] own = scores[(int)targets.Start(i)..(int)targets.Start(i + 1)];
            if (own.All(float.IsFinite))
            {
                request.Complete(new ScoreResponse(record.User, record.Version, record.HistoryLength, record.HistoryTime, own));
            }
            else
            {
                request.Fail(new ArithmeticException($"A score of user '{record.User}' is not finite: the model's weights or the summary are not."));
            }
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// A conditional logit on hand-made features (<see cref="LogitFeatures"/>): what can be had without learning representations. A model of its own for each window, which reads
/// the features of that window and of all shorter ones. Reads <see cref="BatchContent.Popularity"/>.
/// </summary>
public sealed class LogitBaseline
{
    private readonly InteractionLog _log;
    private readonly int[] _windows;
    private readonly ConditionalLogit[] _models;

    private LogitBaseline(InteractionLog log, int[] windows, ConditionalLogit[] models)
    {
        _log = log;
        _windows = windows;
        _models = models;
    }

    /// <summary>Fits the models.</summary>
    /// <param name="maker">What made the requests.</param>
    /// <param name="requests">Requests to learn from, with their popularity; the first target is the positive.</param>
    /// <param name="windows">History windows, growing.</param>
    /// <param name="cancellation">Stops the fit.</param>
    public static LogitBaseline Fit(RequestMaker maker, IReadOnlyList<Request> requests, IReadOnlyList<int> windows, CancellationToken cancellation = default)
    {
        new EvaluationOptions { Windows = windows }.Validate();
        var log = maker.Log;
        var features = new LogitFeatures(log.ItemCategories, windows);
        var layout = JaggedLayout.FromLengths([.. requests.Select(request => (long)request.Targets.Length)]);
        var values = new float[layout.Total * features.Count];
        Parallel.For(0, requests.Count, new ParallelOptions { CancellationToken = cancellation }, i =>
        {
            var request = requests[i];
            int end = (int)(log.Users.Start(request.User) + request.HistoryLength);
            int start = (int)Math.Max(log.Users.Start(request.User), end - (long)windows[^1]);
            var rows = values.AsSpan((int)layout.Start(i) * features.Count, request.Targets.Length * features.Count);
            features.Compute(log.Items.Span[start..end], request.Targets.Span, request.Popularity.Span, rows);
        });
        var models = new ConditionalLogit[windows.Count];
        for (int w = 0; w < windows.Count; w++)
        {
            models[w] = ConditionalLogit.Fit(layout, values, features.Count, (w + 1) * LogitFeatures.PerWindow, cancellation);
        }
        return new LogitBaseline(log, [.. windows], models);
    }

    /// <summary>The scorer of a window.</summary>
    /// <param name="window">One of the windows that the baseline was fitted for.</param>
    /// <exception cref="ArgumentException">It was not fitted for that window.</exception>
    public IRequestScorer ForWindow(int window)
    {
        int w = Array.IndexOf(_windows, window);
        return w < 0
            ? throw Error.Invalid(nameof(window), $"{window}", $"one of {string.Join(", ", _windows)}")
            : new Scorer(_models[w], new LogitFeatures(_log.ItemCategories, _windows[..(w + 1)]));
    }

    private sealed class Scorer(ConditionalLogit model, LogitFeatures features) : IRequestScorer
    {
        public void Score(RequestBatch batch, Span<float> logits)
        {
            Check.Length(logits, batch.Targets.Total, "one per target");
            Check.Length(batch.TargetContext.Span, batch.Targets.Total, "the popularity of each target", nameof(batch.TargetContext));
            var rows = new float[batch.Targets.MaxLength * features.Count];
            for (int segment = 0; segment < batch.History.Count; segment++)
            {
                int first = (int)batch.Targets.Start(segment);
                int count = (int)batch.Targets.Length(segment);
                if (!batch.HistoryLimits.IsEmpty)
                {
                    throw new ArgumentException("batch has history limits; the logit baseline scores batches with one request per segment.", nameof(batch));
                }
                var history = batch.HistoryItems.Span.Slice((int)batch.History.Start(segment), (int)batch.History.Length(segment));
                features.Compute(history, batch.TargetItems.Span.Slice(first, count), batch.TargetContext.Span.Slice(first, count), rows.AsSpan(0, count * features.Count));
                for (int t = 0; t < count; t++)
                {
                    logits[first + t] = (float)model.Score(rows.AsSpan(t * features.Count, features.Count));
                }
            }
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// Item-item collaborative filtering: a target's score is the sum of its likenesses to the items of the visible history, where items are alike that stand near each other in
/// histories. Two weights per window are fitted, those of ln(1 + sum) and of the popularity. Likenesses are counted on the training part only; the weights are fitted to its
/// second half with likenesses of its first, as a pair that was counted would tell what is to be predicted. Reads <see cref="BatchContent.Popularity"/>.
/// </summary>
public sealed class CoOccurrenceBaseline
{
    private const int Features = 2;
    private readonly CoOccurrenceCounts _counts;
    private readonly int[] _windows;
    private readonly ConditionalLogit[] _models;

    private CoOccurrenceBaseline(CoOccurrenceCounts counts, int[] windows, ConditionalLogit[] models)
    {
        _counts = counts;
        _windows = windows;
        _models = models;
    }

    /// <summary>Counts and fits.</summary>
    /// <param name="maker">What made the requests.</param>
    /// <param name="requests">Requests of the training part with their popularity, the first target the positive; those of the first half of their user's part are left out.</param>
    /// <param name="windows">History windows, growing.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="ArgumentException">The windows do not grow, or no request is left.</exception>
    public static CoOccurrenceBaseline Fit(RequestMaker maker, IReadOnlyList<Request> requests, IReadOnlyList<int> windows, CancellationToken cancellation = default)
    {
        new EvaluationOptions { Windows = windows }.Validate();
        InteractionLog log = maker.Log;
        double half = maker.Protocol.TrainShare / 2;
        Request[] later = [.. requests.Where(request => request.HistoryLength >= (long)(half * log.Users.Length(request.User)))];
        if (later.Length == 0)
        {
            throw Error.Invalid(nameof(requests), "a list without requests of the second half of a training part", "one with some");
        }
        CoOccurrenceCounts counts = CoOccurrenceCounts.Of(log, half, cancellation);
        var layout = JaggedLayout.FromLengths([.. later.Select(request => (long)request.Targets.Length)]);
        var models = new ConditionalLogit[windows.Count];
        for (int w = 0; w < models.Length; w++)
        {
            int window = windows[w];
            var rows = new float[layout.Total * Features];
            Parallel.For(0, later.Length, new ParallelOptions { CancellationToken = cancellation }, i =>
            {
                Request request = later[i];
                int end = (int)(log.Users.Start(request.User) + request.HistoryLength);
                int start = (int)Math.Max(log.Users.Start(request.User), end - (long)window);
                Compute(counts, log.Items.Span[start..end], request.Targets.Span, request.Popularity.Span, rows.AsSpan((int)layout.Start(i) * Features));
            });
            models[w] = ConditionalLogit.Fit(layout, rows, Features, Features, cancellation);
        }
        return new CoOccurrenceBaseline(CoOccurrenceCounts.Of(log, maker.Protocol.TrainShare, cancellation), [.. windows], models);
    }

    /// <summary>The scorer of a window.</summary>
    /// <param name="window">One of the windows that the baseline was fitted for.</param>
    /// <exception cref="ArgumentException">It was not fitted for that window.</exception>
    public IRequestScorer ForWindow(int window)
    {
        int w = Array.IndexOf(_windows, window);
        return w < 0 ? throw Error.Invalid(nameof(window), $"{window}", $"one of {string.Join(", ", _windows)}") : new Scorer(_counts, _models[w]);
    }

    private static void Compute(CoOccurrenceCounts counts, ReadOnlySpan<int> history, ReadOnlySpan<int> targets, ReadOnlySpan<float> popularity, Span<float> features)
    {
        var occurrences = new Dictionary<int, int>();
        foreach (int item in history)
        {
            occurrences[item] = occurrences.GetValueOrDefault(item) + 1;
        }
        for (int t = 0; t < targets.Length; t++)
        {
            features[t * Features] = (float)Math.Log(1 + counts.Sum(targets[t], occurrences));
            features[(t * Features) + 1] = popularity[t];
        }
    }

    private sealed class Scorer(CoOccurrenceCounts counts, ConditionalLogit model) : IRequestScorer
    {
        public void Score(RequestBatch batch, Span<float> logits)
        {
            Check.Length(logits, batch.Targets.Total, "one per target");
            Check.Length(batch.TargetContext.Span, batch.Targets.Total, "the popularity of each target", nameof(batch.TargetContext));
            if (!batch.HistoryLimits.IsEmpty)
            {
                throw new ArgumentException("batch has history limits; the co-occurrence baseline scores batches with one request per segment.", nameof(batch));
            }
            var rows = new float[batch.Targets.MaxLength * Features];
            for (int segment = 0; segment < batch.History.Count; segment++)
            {
                int first = (int)batch.Targets.Start(segment);
                int count = (int)batch.Targets.Length(segment);
                var history = batch.HistoryItems.Span.Slice((int)batch.History.Start(segment), (int)batch.History.Length(segment));
                Compute(counts, history, batch.TargetItems.Span.Slice(first, count), batch.TargetContext.Span.Slice(first, count), rows);
                for (int t = 0; t < count; t++)
                {
                    logits[first + t] = (float)model.Score(rows.AsSpan(t * Features, Features));
                }
            }
        }
    }
}

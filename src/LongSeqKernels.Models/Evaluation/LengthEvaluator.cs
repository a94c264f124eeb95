namespace LongSeqKernels.Models;

/// <summary>Sizes of an evaluation.</summary>
public sealed record EvaluationOptions
{
    /// <summary>History windows, growing; <see cref="RequestBatches.AllEvents"/> for the whole history.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [10, 30, 100, 300, 1000, 3000, RequestBatches.AllEvents];

    /// <summary>History events that are scored at once.</summary>
    public int EventsPerBatch { get; init; } = 1 << 16;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">The windows do not grow, or a number is out of range.</exception>
    public void Validate()
    {
        if (Windows.Count == 0 || Windows[0] < 1)
        {
            throw Error.Invalid(nameof(Windows), Windows.Count == 0 ? "empty" : $"{Windows[0]}, ...", "one window or more, each 1 or more");
        }
        for (int i = 1; i < Windows.Count; i++)
        {
            if (Windows[i] <= Windows[i - 1])
            {
                throw Error.Range($"{nameof(Windows)}[{i}]", Windows[i], $"more than {Windows[i - 1]}, as windows grow");
            }
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(EventsPerBatch, 1);
    }
}

/// <summary>
/// Scores the same requests at growing history windows and measures how well the positive, the first target of each request, is ranked. Means are taken over requests,
/// errors over users, as requests of one user resemble each other.
/// </summary>
public sealed class LengthEvaluator
{
    private readonly RequestMaker _maker;
    private readonly IReadOnlyList<Request> _requests;
    private readonly EvaluationOptions _options;
    private readonly int[] _users;
    private readonly int[] _userOfRequest;

    /// <summary>Prepares an evaluation.</summary>
    /// <param name="maker">What made the requests.</param>
    /// <param name="requests">The requests; each has two targets or more, the first of them the positive.</param>
    /// <param name="options">Windows and batch size.</param>
    /// <exception cref="ArgumentException">There are no requests, one has too few targets, or an option is out of range.</exception>
    public LengthEvaluator(RequestMaker maker, IReadOnlyList<Request> requests, EvaluationOptions? options = null)
    {
        _maker = maker;
        _requests = requests;
        _options = options ?? new EvaluationOptions();
        _options.Validate();
        if (requests.Count == 0 || requests.Any(request => request.Targets.Length < 2))
        {
            throw Error.Invalid(nameof(requests), requests.Count == 0 ? "empty" : "a list with a request of fewer than two targets", "requests with a positive and a negative or more");
        }
        _users = [.. requests.Select(request => request.User).Distinct()];
        var numbers = _users.Index().ToDictionary(user => user.Item, user => user.Index);
        _userOfRequest = [.. requests.Select(request => numbers[request.User])];
    }

    /// <summary>Evaluates a scorer.</summary>
    /// <param name="name">Its name in tables and charts.</param>
    /// <param name="scorer">The scorer.</param>
    /// <param name="content">What the scorer reads beside items and history.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops the evaluation between two batches.</param>
    /// <exception cref="ArithmeticException">The scorer gave NaN or an infinite logit.</exception>
    public LengthResult Evaluate(
        string name, IRequestScorer scorer, BatchContent content = BatchContent.None, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        Evaluate(name, _ => scorer, content, progress, cancellation);

    /// <summary>Evaluates a scorer that was made for each window.</summary>
    /// <param name="name">Its name in tables and charts.</param>
    /// <param name="scorerOfWindow">Gives the scorer of a window.</param>
    /// <param name="content">What the scorer reads beside items and history.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops the evaluation between two batches.</param>
    /// <exception cref="ArithmeticException">The scorer gave NaN or an infinite logit.</exception>
    public LengthResult Evaluate(
        string name, Func<int, IRequestScorer> scorerOfWindow, BatchContent content = BatchContent.None, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var windows = new List<WindowResult>();
        // What is slow is reading histories: progress is counted in events.
        double total = Math.Max(1, _options.Windows.Sum(window => _requests.Sum(request => (double)Math.Min(window, request.HistoryLength))));
        double done = 0;
        foreach (int window in _options.Windows)
        {
            var scorer = scorerOfWindow(window);
            var ranks = new List<RequestMetrics>(_requests.Count);
            foreach (var part in RequestBatches.Split(_requests, window, _options.EventsPerBatch))
            {
                cancellation.ThrowIfCancellationRequested();
                var batch = RequestBatches.PerRequest(_maker.Log, part, window, content);
                var logits = new float[batch.Targets.Total];
                scorer.Score(batch, logits);
                for (int i = 0; i < part.Count; i++)
                {
                    ranks.Add(RequestMetrics.Of(name, logits.AsSpan((int)batch.Requests.Start(i), (int)batch.Requests.Length(i))));
                }
                done += batch.History.Total;
                progress?.Report(done / total);
            }
            windows.Add(Summarise(window, ranks, windows.FirstOrDefault()));
        }
        return new LengthResult { Name = name, Windows = windows };
    }

    /// <summary>Puts results of this evaluation into a report.</summary>
    /// <param name="results">The results.</param>
    public EvaluationReport Report(params IReadOnlyList<LengthResult> results) => new()
    {
        Source = _maker.Log.Source,
        Protocol = _maker.Protocol,
        Requests = _requests.Count,
        Users = [.. _users.Select(user => _maker.Log.UserNames[user])],
        Results = results,
    };

    private WindowResult Summarise(int window, List<RequestMetrics> metrics, WindowResult? shortest)
    {
        double[] userAuc = UserMeans(metrics, metric => metric.Auc);
        double[] userNll = UserMeans(metrics, metric => metric.Nll);
        return new WindowResult
        {
            Window = window,
            MeanHistory = _requests.Average(request => Math.Min(window, request.HistoryLength)),
            Auc = EstimateOf(metrics, metric => metric.Auc),
            Nll = EstimateOf(metrics, metric => metric.Nll),
            Mrr = EstimateOf(metrics, metric => metric.ReciprocalRank),
            HitRate10 = EstimateOf(metrics, metric => metric.Hit10),
            AucGain = PairedUsers.Difference(userAuc, shortest?.UserAuc ?? userAuc),
            NllGain = PairedUsers.Difference(userNll, shortest?.UserNll ?? userNll),
            UserAuc = userAuc,
            UserNll = userNll,
        };
    }

    private Estimate EstimateOf(List<RequestMetrics> metrics, Func<RequestMetrics, double> value) => new(metrics.Average(value), PairedUsers.Mean(UserMeans(metrics, value)).Error);

    private double[] UserMeans(List<RequestMetrics> metrics, Func<RequestMetrics, double> value)
    {
        var sums = new double[_users.Length];
        var counts = new int[_users.Length];
        for (int i = 0; i < metrics.Count; i++)
        {
            sums[_userOfRequest[i]] += value(metrics[i]);
            counts[_userOfRequest[i]]++;
        }
        return [.. sums.Zip(counts, (sum, count) => sum / count)];
    }
}

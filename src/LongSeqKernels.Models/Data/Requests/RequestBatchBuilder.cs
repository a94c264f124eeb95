namespace LongSeqKernels.Models;

/// <summary>Puts a batch together, segment by segment.</summary>
internal sealed class RequestBatchBuilder(InteractionLog log, BatchContent content)
{
    private readonly List<long> _historyLengths = [];
    private readonly List<long> _firstEvents = [];
    private readonly List<long> _requestTimes = [];
    private readonly List<long> _targetLengths = [];
    private readonly List<long> _requestLengths = [];
    private readonly List<int> _targets = [];
    private readonly List<long> _limits = [];
    private readonly List<float> _popularity = [];
    private readonly List<float> _labels = [];
    private bool _shared;

    /// <summary>History events so far.</summary>
    public long EventCount { get; private set; }

    /// <summary>Segments so far.</summary>
    public int SegmentCount => _historyLengths.Count;

    /// <summary>
    /// Adds requests of one user, by growing history, that share the last <paramref name="window"/> events of the last one's history: an earlier request sees
    /// the part of them before it.
    /// </summary>
    public void AddSegment(IReadOnlyList<Request> requests, int window)
    {
        var last = requests[^1];
        CheckRequest(last);
        long length = Math.Min(window, last.HistoryLength);
        long first = last.HistoryLength - length;
        _historyLengths.Add(length);
        _firstEvents.Add(log.Users.Start(last.User) + first);
        _requestTimes.Add(requests.Max(request => request.Time));
        EventCount += length;
        long targets = 0;
        foreach (var request in requests)
        {
            CheckRequest(request);
            if (request.User != last.User || request.HistoryLength > last.HistoryLength)
            {
                throw new ArgumentException("requests of one segment are of several users or out of order; they must share a user, and the last must have the longest history.", nameof(requests));
            }
            targets += request.Targets.Length;
            _requestLengths.Add(request.Targets.Length);
            long limit = Math.Max(0, request.HistoryLength - first);
            _shared |= limit < length;
            AddTargets(request, limit);
        }
        _targetLengths.Add(targets);
    }

    /// <summary>Makes the batch.</summary>
    public RequestBatch Build()
    {
        var history = JaggedLayout.FromLengths([.. _historyLengths]);
        return new RequestBatch
        {
            History = history,
            HistoryItems = Gather(log.Items, history),
            HistoryActions = log.Actions.IsEmpty ? default : Gather(log.Actions, history),
            HistoryTimes = Gather(log.Times, history),
            RequestTimes = _requestTimes.ToArray(),
            Targets = JaggedLayout.FromLengths([.. _targetLengths]),
            TargetItems = _targets.ToArray(),
            HistoryLimits = _shared ? _limits.ToArray() : default(ReadOnlyMemory<long>),
            TargetContext = _popularity.ToArray(),
            Requests = JaggedLayout.FromLengths([.. _requestLengths]),
            Labels = _labels.ToArray(),
        };
    }

    private void AddTargets(Request request, long limit)
    {
        var targets = request.Targets.Span;
        for (int i = 0; i < targets.Length; i++)
        {
            if ((uint)targets[i] >= (uint)log.ItemCount)
            {
                throw Error.Range($"{nameof(Request.Targets)}[{i}]", targets[i], $"from 0 to {log.ItemCount - 1}");
            }
            _targets.Add(targets[i]);
            _limits.Add(limit);
            if (content.HasFlag(BatchContent.Labels))
            {
                _labels.Add(i == 0 ? 1 : 0);
            }
        }
        if (content.HasFlag(BatchContent.Popularity))
        {
            if (request.Popularity.Length != targets.Length)
            {
                throw Error.Length(nameof(Request.Popularity), request.Popularity.Length, targets.Length, "one per target");
            }
            _popularity.AddRange(request.Popularity.Span);
        }
    }

    private void CheckRequest(Request request)
    {
        if ((uint)request.User >= (uint)log.Users.Count)
        {
            throw Error.Range(nameof(Request.User), request.User, $"from 0 to {log.Users.Count - 1}");
        }
        if (request.HistoryLength < 0 || request.HistoryLength > log.Users.Length(request.User))
        {
            throw Error.Range(nameof(Request.HistoryLength), request.HistoryLength, $"from 0 to {log.Users.Length(request.User)}, the events of user {request.User}");
        }
    }

    private T[] Gather<T>(ReadOnlyMemory<T> column, JaggedLayout history)
    {
        var values = new T[history.Total];
        for (int segment = 0; segment < history.Count; segment++)
        {
            int length = (int)history.Length(segment);
            column.Span.Slice((int)_firstEvents[segment], length).CopyTo(values.AsSpan((int)history.Start(segment), length));
        }
        return values;
    }
}

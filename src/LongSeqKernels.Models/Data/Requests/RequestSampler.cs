using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace LongSeqKernels.Models;

/// <summary>How much a user counts in training.</summary>
public enum UserWeight
{
    /// <summary>Every user the same.</summary>
    Equal,

    /// <summary>In proportion to the user's training positions: every position the same.</summary>
    ByPositions,
}

/// <summary>How training batches are drawn.</summary>
public sealed record RequestSamplerOptions
{
    /// <summary>Seed of everything that is drawn.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>History windows, newest events kept (length-extrapolative training).</summary>
    public SuffixLengths Windows { get; init; } = new(64, 2048);

    /// <summary>History events per batch: batches are cut off here, so that every step costs about the same.</summary>
    public int EventsPerBatch { get; init; } = 16384;

    /// <summary>
    /// Requests per segment, 1 or more: all read one history (request-level batching). They are drawn from the last half of the window, so that each sees half of it or more.
    /// </summary>
    public int RequestsPerSegment { get; init; } = 4;

    /// <summary>How much a user counts.</summary>
    public UserWeight UserWeight { get; init; }

    /// <summary>Negatives per request; 0 for as many as the protocol says. Fewer make a step cheaper.</summary>
    public int Negatives { get; init; }

    /// <summary>What the batches carry; labels always.</summary>
    public BatchContent Content { get; init; } = BatchContent.Labels | BatchContent.Popularity;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A member is out of range.</exception>
    public void Validate()
    {
        Windows.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(EventsPerBatch, Windows.Minimum);
        ArgumentOutOfRangeException.ThrowIfLessThan(RequestsPerSegment, 1);
        Check.Defined(UserWeight);
        ArgumentOutOfRangeException.ThrowIfNegative(Negatives);
        if (!Content.HasFlag(BatchContent.Labels))
        {
            throw Error.Invalid(nameof(Content), Content.ToString(), "with labels");
        }
    }
}

/// <summary>
/// Training batches of a log: for each segment a user, a window length and a request are drawn, then further requests of the same user shortly before it.
/// Batch n depends on the options and n alone.
/// </summary>
public sealed class RequestSampler : IRequestBatchSource
{
    private const int MaxTries = 1000;
    private readonly RequestMaker _maker;
    private readonly RequestSamplerOptions _options;
    private readonly int[] _users;
    private readonly long[] _cumulativePositions;

    /// <summary>Prepares drawing.</summary>
    /// <param name="maker">Makes the requests.</param>
    /// <param name="options">How batches are drawn.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidDataException">No user has a training position.</exception>
    public RequestSampler(RequestMaker maker, RequestSamplerOptions options)
    {
        _maker = maker;
        _options = options;
        options.Validate();
        // Users of whom no position becomes a request (no positives, pools too small) would be drawn in vain for ever.
        _users = [.. TestRequests.Draw(maker, 1, options.Seed, LogPart.Train).Select(request => request.User)];
        _cumulativePositions = new long[_users.Length];
        long sum = 0;
        for (int i = 0; i < _users.Length; i++)
        {
            var (start, end) = maker.Positions(_users[i], LogPart.Train);
            _cumulativePositions[i] = sum += end - start;
        }
        Fingerprint = MakeFingerprint(maker, options);
    }

    /// <summary>Number of users that requests are drawn from.</summary>
    public int UserCount => _users.Length;

    /// <summary>Number of positions that requests are drawn from.</summary>
    public long PositionCount => _cumulativePositions[^1];

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public RequestBatch Batch(long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        var random = new RandomStream(_options.Seed, number);
        var builder = new RequestBatchBuilder(_maker.Log, _options.Content);
        // A short history costs its targets still, an empty one too: it counts as the shortest window, or a batch of them would never be full.
        long spent = 0;
        while (true)
        {
            int window = _options.Windows.Sample(random);
            if (builder.SegmentCount > 0)
            {
                // The last segment takes what is left, so that batches are equally large; when that is too little, the batch is full.
                long left = (_options.EventsPerBatch - spent) / SuffixLengths.Granularity * SuffixLengths.Granularity;
                window = (int)Math.Min(window, left);
                if (window < _options.Windows.Minimum)
                {
                    return builder.Build();
                }
            }
            window = Math.Min(window, _options.EventsPerBatch);
            long before = builder.EventCount;
            builder.AddSegment(DrawSegment(window, random), window);
            spent += Math.Max(builder.EventCount - before, _options.Windows.Minimum);
        }
    }

    private List<Request> DrawSegment(int window, RandomStream random)
    {
        for (int attempt = 0; attempt < MaxTries; attempt++)
        {
            int user = _users[DrawUser(random)];
            var (start, end) = _maker.Positions(user, LogPart.Train);
            int anchor = start + random.NextIndex(end - start);
            if (_maker.TryMake(user, anchor, LogPart.Train, random, _options.Negatives) is not { } latest)
            {
                continue;
            }
            var requests = new List<Request> { latest };
            var taken = new HashSet<int> { anchor };
            int span = Math.Min(window / 2, anchor - start);
            for (int i = 1; i < _options.RequestsPerSegment && span > 0; i++)
            {
                int position = anchor - 1 - random.NextIndex(span);
                if (taken.Add(position) && _maker.TryMake(user, position, LogPart.Train, random, _options.Negatives) is { } request && request.HistoryLength >= latest.HistoryLength - (window / 2))
                {
                    requests.Add(request);
                }
            }
            return [.. requests.OrderBy(request => request.HistoryLength).ThenBy(request => request.Time)];
        }
        throw new InvalidDataException($"{_maker.Log.Source}: none of {MaxTries} drawn training positions became a request; too few of its events are positives with enough negatives.");
    }

    private int DrawUser(RandomStream random)
    {
        if (_options.UserWeight == UserWeight.Equal)
        {
            return random.NextIndex(_users.Length);
        }
        int found = Array.BinarySearch(_cumulativePositions, random.NextIndex(PositionCount) + 1);
        return found >= 0 ? found : ~found;
    }

    private static string MakeFingerprint(RequestMaker maker, RequestSamplerOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var log = maker.Log;
        hash.AppendData(MemoryMarshal.AsBytes(log.Users.Offsets));
        hash.AppendData(MemoryMarshal.AsBytes(log.Items.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.Times.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.Labels.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.Actions.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.Baskets.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.ItemCategories.Span));
        hash.AppendData(MemoryMarshal.AsBytes(log.ItemPools.Span));
        // Records print all their members, numbers so that they read back the same.
        hash.AppendData(Encoding.UTF8.GetBytes($"{maker.Protocol} {options}"));
        return $"requests-{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16))}";
    }
}

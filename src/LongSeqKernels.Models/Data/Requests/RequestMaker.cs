using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Models;

/// <summary>The two parts of every user's history.</summary>
public enum LogPart
{
    /// <summary>The first share: requests to learn from.</summary>
    Train,

    /// <summary>The rest: requests to test with.</summary>
    Test,
}

/// <summary>Makes requests of a log by a protocol. Immutable after it was made, and thread-safe.</summary>
public sealed class RequestMaker
{
    private readonly PoolTimeline[] _pools;
    private readonly BasketIndex _baskets;
    private readonly Dictionary<(int User, int Item), int> _firstTouches = [];

    /// <summary>Indexes a log.</summary>
    /// <param name="log">The log; it is checked first.</param>
    /// <param name="protocol">How it is made into requests.</param>
    /// <exception cref="ArgumentException">The log or the protocol does not hold.</exception>
    public RequestMaker(InteractionLog log, RequestProtocol protocol)
    {
        Log = log.Validate();
        Protocol = protocol;
        protocol.Validate();
        _pools = PoolTimeline.All(log);
        _baskets = new BasketIndex(log);
        if (protocol.NegativeRule == NegativeRule.Unseen)
        {
            IndexFirstTouches();
        }
    }

    /// <summary>The log.</summary>
    public InteractionLog Log { get; }

    /// <summary>The protocol.</summary>
    public RequestProtocol Protocol { get; }

    /// <summary>
    /// The positions of a user that may become requests of a part: numbers of events of the log from Start to End - 1; none when Start equals End. Not every one of them
    /// does: <see cref="TryMake"/> decides.
    /// </summary>
    public (int Start, int End) Positions(int user, LogPart part)
    {
        long first = Log.Users.Start(user);
        long length = Log.Users.Length(user);
        long cut = (long)(Protocol.TrainShare * length);
        if (part == LogPart.Test)
        {
            long start = length < Protocol.MinTestUserEvents ? length : Math.Max(cut, Protocol.MinHistory);
            return ((int)(first + Math.Min(start, length)), (int)(first + length));
        }
        return ((int)(first + Math.Min(cut, Protocol.TrainMinHistory)), (int)(first + cut));
    }

    /// <summary>
    /// Makes the request before the basket of an event, whose item becomes the positive; null when the event is no positive, its basket lies on the border of the two parts,
    /// its history is too short, or its pool has too few recent items.
    /// </summary>
    /// <param name="user">The user of that event.</param>
    /// <param name="position">Number of the event in the log.</param>
    /// <param name="part">Which part it must belong to.</param>
    /// <param name="random">Draws the negatives.</param>
    /// <param name="negatives">How many of them; 0 for as many as the protocol says.</param>
    public Request? TryMake(int user, int position, LogPart part, RandomStream random, int negatives = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(negatives);
        int first = (int)Log.Users.Start(user);
        int cut = first + (int)(Protocol.TrainShare * Log.Users.Length(user));
        int history = _baskets.Start(position) - first;
        bool inPart = part == LogPart.Train ? _baskets.End(position) <= cut : _baskets.Start(position) >= cut;
        bool positive = Log.Labels.IsEmpty || Log.Labels.Span[position] >= 0.5f;
        if (!inPart || !positive || history < (part == LogPart.Train ? Protocol.TrainMinHistory : Protocol.MinHistory))
        {
            return null;
        }
        int item = Log.Items.Span[position];
        long time = Log.Times.Span[position];
        var window = _pools[Log.ItemPools.IsEmpty ? 0 : Log.ItemPools.Span[item]].Before(time, Protocol.PoolWindow);
        var targets = new int[1 + (negatives > 0 ? negatives : Protocol.Negatives)];
        targets[0] = item;
        var excluded = new HashSet<int>();
        _baskets.AddItems(position, excluded);
        if (!TryDrawNegatives(window.Items, user, first + history, excluded, targets.AsSpan(1), random))
        {
            return null;
        }
        return new Request { User = user, HistoryLength = history, Time = time, Targets = targets, Popularity = Popularity(window, user, targets) };
    }

    /// <summary>ln(1 + n) of each target, where users other than <paramref name="user"/> touched it n times in the last events of its pool before <paramref name="time"/>.</summary>
    /// <param name="user">The user, whose own events do not count.</param>
    /// <param name="time">Unix seconds.</param>
    /// <param name="targets">Numbers of items.</param>
    public float[] Popularity(int user, long time, ReadOnlySpan<int> targets)
    {
        var popularity = new float[targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            int pool = Log.ItemPools.IsEmpty ? 0 : Log.ItemPools.Span[targets[i]];
            popularity[i] = Popularity(_pools[pool].Before(time, Protocol.PoolWindow), user, targets.Slice(i, 1))[0];
        }
        return popularity;
    }

    private static float[] Popularity(PoolTimeline.Window window, int user, ReadOnlySpan<int> targets)
    {
        var counts = new Dictionary<int, int>(targets.Length);
        foreach (int target in targets)
        {
            counts[target] = 0;
        }
        for (int i = 0; i < window.Items.Length; i++)
        {
            ref int count = ref CollectionsMarshal.GetValueRefOrNullRef(counts, window.Items[i]);
            if (!Unsafe.IsNullRef(ref count) && window.Users[i] != user)
            {
                count++;
            }
        }
        var popularity = new float[targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            popularity[i] = MathF.Log(1 + counts[targets[i]]);
        }
        return popularity;
    }

    /// <summary>
    /// Draws events of the window and takes their items, each at most once: the next item is drawn in proportion to its events among the items not yet taken, as a random
    /// order of the events would give them.
    /// </summary>
    private bool TryDrawNegatives(ReadOnlySpan<int> window, int user, int historyEnd, HashSet<int> excluded, Span<int> negatives, RandomStream random)
    {
        int taken = 0;
        // Where few items make up most of the window, drawing again and again is slow: then the rest is put in a random order once.
        int draws = window.IsEmpty ? 0 : 20 * negatives.Length;
        for (; draws > 0 && taken < negatives.Length; draws--)
        {
            taken += Take(window[random.NextIndex(window.Length)], negatives, taken);
        }
        if (taken < negatives.Length)
        {
            int[] rest = window.ToArray();
            random.Shuffle<int>(rest);
            for (int i = 0; i < rest.Length && taken < negatives.Length; i++)
            {
                taken += Take(rest[i], negatives, taken);
            }
        }
        return taken == negatives.Length;

        int Take(int item, Span<int> negatives, int at)
        {
            bool seen = _firstTouches.TryGetValue((user, item), out int touched) && touched < historyEnd;
            if (seen || !excluded.Add(item))
            {
                return 0;
            }
            negatives[at] = item;
            return 1;
        }
    }

    private void IndexFirstTouches()
    {
        for (int user = 0; user < Log.Users.Count; user++)
        {
            for (int i = (int)Log.Users.Start(user); i < (int)Log.Users.Offsets[user + 1]; i++)
            {
                _firstTouches.TryAdd((user, Log.Items.Span[i]), i);
            }
        }
    }
}

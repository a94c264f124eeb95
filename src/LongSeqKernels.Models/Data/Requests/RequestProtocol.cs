namespace LongSeqKernels.Models;

/// <summary>Which items may be negatives.</summary>
public enum NegativeRule
{
    /// <summary>Any item of the pool's recent events but those of the positive's own basket: for logs where users come back to items.</summary>
    Any,

    /// <summary>Of these, only items that the user has not met before: for logs where nobody meets an item twice (ratings).</summary>
    Unseen,
}

/// <summary>
/// How a log is made into requests. A request is a position of a user's history, just before a basket: the positive is an item of that basket, the negatives
/// are drawn from what anybody touched in the positive's pool in its last <see cref="PoolWindow"/> events before that time, as often as it was touched, each at
/// most once, never an item of the same basket. The history is what the user did before the basket, never an event of the basket itself. Where a log has labels, only
/// events with a label of 0.5 or more are positives; all events are history.
/// </summary>
public sealed record RequestProtocol
{
    /// <summary>Negatives per request, 1 or more. Positions whose pool has fewer are left out.</summary>
    public int Negatives { get; init; } = 50;

    /// <summary>How many earlier events of the pool the negatives come from and popularity is counted in.</summary>
    public int PoolWindow { get; init; } = 5000;

    /// <summary>Test positions have this many earlier events of their user, or more.</summary>
    public int MinHistory { get; init; } = 2000;

    /// <summary>Training positions have this many earlier events, or more. Fewer than <see cref="MinHistory"/> gives more users and positions to learn from.</summary>
    public int TrainMinHistory { get; init; } = 2000;

    /// <summary>Only users with this many events are tested: short test parts say little of their user.</summary>
    public int MinTestUserEvents { get; init; } = 2500;

    /// <summary>This share of every user's history is for training, the rest for tests; between 0 and 1.</summary>
    public double TrainShare { get; init; } = 0.7;

    /// <summary>Which items may be negatives.</summary>
    public NegativeRule NegativeRule { get; init; }

    /// <summary>The protocol for a log whose longest histories are shorter: a test history of a quarter of the longest one, at most 2,000.</summary>
    /// <param name="log">The log.</param>
    public static RequestProtocol For(InteractionLog log)
    {
        int minHistory = (int)Math.Clamp(log.Users.MaxLength / 4, 1, 2000);
        return new RequestProtocol
        {
            MinHistory = minHistory,
            TrainMinHistory = Math.Min(minHistory, 50),
            MinTestUserEvents = minHistory + (minHistory / 4),
            NegativeRule = log.Labels.IsEmpty ? NegativeRule.Any : NegativeRule.Unseen,
        };
    }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A member is out of range.</exception>
    public void Validate()
    {
        AtLeast(Negatives, 1);
        AtLeast(PoolWindow, 1);
        AtLeast(MinHistory, 0);
        AtLeast(TrainMinHistory, 0);
        AtLeast(MinTestUserEvents, 0);
        if (!(TrainShare is > 0 and < 1))
        {
            throw Error.Range(nameof(TrainShare), TrainShare, "between 0 and 1");
        }
        Check.Defined(NegativeRule);
    }

    private static void AtLeast(int value, int minimum, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(value))] string argument = "")
    {
        if (value < minimum)
        {
            throw Error.Range(argument, value, $"{minimum} or more");
        }
    }
}

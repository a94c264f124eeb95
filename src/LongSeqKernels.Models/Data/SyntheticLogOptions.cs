namespace LongSeqKernels.Models;

/// <summary>Sizes and seed of a generated log.</summary>
public sealed record SyntheticLogOptions
{
    /// <summary>Seed; the same options give the same log.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Number of users.</summary>
    public int Users { get; init; } = 100;

    /// <summary>Events per user.</summary>
    public int EventsPerUser { get; init; } = 4000;

    /// <summary>Number of topics.</summary>
    public int Topics { get; init; } = 100;

    /// <summary>Items per topic.</summary>
    public int ItemsPerTopic { get; init; } = 10;

    /// <summary>Topics that a user is interested in, at most <see cref="Topics"/>.</summary>
    public int InterestsPerUser { get; init; } = 30;

    /// <summary>Mean length of a session, in events.</summary>
    public double SessionEvents { get; init; } = 2;

    /// <summary>Share of events that have nothing to do with the user's interests: items in fashion at the time.</summary>
    public double Noise { get; init; } = 0.1;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A member is out of range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Users, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(EventsPerUser, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Topics, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ItemsPerTopic, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(InterestsPerUser, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(InterestsPerUser, Topics);
        if (!(SessionEvents is >= 1 and <= 1e6))
        {
            throw Error.Range(nameof(SessionEvents), SessionEvents, "from 1 to 1,000,000");
        }
        if (!(Noise is >= 0 and < 1))
        {
            throw Error.Range(nameof(Noise), Noise, "0 or more and below 1");
        }
        if ((long)Users * EventsPerUser > int.MaxValue || (long)Topics * ItemsPerTopic > int.MaxValue)
        {
            throw new ArgumentException($"{nameof(Users)} x {nameof(EventsPerUser)} and {nameof(Topics)} x {nameof(ItemsPerTopic)} must be below 2^31.");
        }
    }
}

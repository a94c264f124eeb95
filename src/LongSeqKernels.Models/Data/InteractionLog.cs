namespace LongSeqKernels.Models;

/// <summary>
/// Users' interaction histories as columns: events sorted by user, then time, oldest first. Identifiers are dense numbers from 0;
/// the names they had in the source are kept beside them. Immutable and checked when made.
/// </summary>
public sealed class InteractionLog
{
    /// <summary>Events per user.</summary>
    public required JaggedLayout Users { get; init; }

    /// <summary>Item of each event, 0 .. <see cref="ItemCount"/> - 1.</summary>
    public required ReadOnlyMemory<int> Items { get; init; }

    /// <summary>Unix seconds (UTC) of each event; never decreasing within a user.</summary>
    public required ReadOnlyMemory<long> Times { get; init; }

    /// <summary>Number of items.</summary>
    public required int ItemCount { get; init; }

    /// <summary>Label of each event (1 for positive feedback), or empty when every event is positive.</summary>
    public ReadOnlyMemory<float> Labels { get; init; }

    /// <summary>What the user did, 0 .. <see cref="ActionCount"/> - 1, or empty for a single kind of action.</summary>
    public ReadOnlyMemory<int> Actions { get; init; }

    /// <summary>Number of kinds of action, 1 or more.</summary>
    public int ActionCount { get; init; } = 1;

    /// <summary>
    /// Which events belong together (an order, a commit), or empty when each stands alone. Events of a target's own basket never belong to its history.
    /// </summary>
    public ReadOnlyMemory<long> Baskets { get; init; }

    /// <summary>Category of each item, 0 .. <see cref="CategoryCount"/> - 1, or empty.</summary>
    public ReadOnlyMemory<int> ItemCategories { get; init; }

    /// <summary>Number of categories, 1 or more.</summary>
    public int CategoryCount { get; init; } = 1;

    /// <summary>Pool of each item, 0 .. <see cref="PoolCount"/> - 1, or empty for a single pool: negatives come from the pool of the positive (a shop, a repository).</summary>
    public ReadOnlyMemory<int> ItemPools { get; init; }

    /// <summary>Number of pools, 1 or more.</summary>
    public int PoolCount { get; init; } = 1;

    /// <summary>Names of the users in the source, by number.</summary>
    public required IReadOnlyList<string> UserNames { get; init; }

    /// <summary>Names of the items in the source, by number.</summary>
    public required IReadOnlyList<string> ItemNames { get; init; }

    /// <summary>Where the log came from, in words: shown wherever a result is.</summary>
    public string Source { get; init; } = "";

    /// <summary>Number of events.</summary>
    public long EventCount => Users.Total;
}

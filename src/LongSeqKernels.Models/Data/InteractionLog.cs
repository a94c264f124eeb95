using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// Users' interaction histories as columns: events sorted by user, then time, oldest first. Identifiers are dense numbers from 0;
/// the names they had in the source are kept beside them. Immutable. Importers and files give logs that are checked; one put together by hand is checked
/// by <see cref="Validate"/>, which everything that takes a log calls.
/// </summary>
public sealed class InteractionLog
{
    private Dictionary<string, int>? _users;
    private Dictionary<string, int>? _items;
    private bool _valid;

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

    /// <summary>Unix seconds of the newest event of all; 0 for a log without events.</summary>
    public long NewestTime => Times.IsEmpty ? 0 : TensorPrimitives.Max(Times.Span);

    /// <summary>Finds a user by name.</summary>
    /// <param name="name">The name in the source.</param>
    /// <param name="user">The user's number.</param>
    public bool TryFindUser(string name, out int user) => (_users ??= Numbers(UserNames, nameof(UserNames))).TryGetValue(name, out user);

    /// <summary>Finds an item by name.</summary>
    /// <param name="name">The name in the source.</param>
    /// <param name="item">The item's number.</param>
    public bool TryFindItem(string name, out int item) => (_items ??= Numbers(ItemNames, nameof(ItemNames))).TryGetValue(name, out item);

    /// <summary>Checks that the columns fit together, once per log: lengths, ranges, names that are unique, times that never decrease within a user.</summary>
    /// <returns>This log.</returns>
    /// <exception cref="ArgumentException">A column does not hold; the message names it, what it was and what it must be.</exception>
    public InteractionLog Validate()
    {
        if (_valid)
        {
            return this;
        }
        if (ItemCount < 0)
        {
            throw Error.Range(nameof(ItemCount), ItemCount, "0 or more");
        }
        CheckKinds(ActionCount, nameof(ActionCount));
        CheckKinds(CategoryCount, nameof(CategoryCount));
        CheckKinds(PoolCount, nameof(PoolCount));
        CheckLength(Items.Length, EventCount, nameof(Items), "the number of events");
        CheckLength(Times.Length, EventCount, nameof(Times), "the number of events");
        CheckLengthOrNone(Labels.Length, EventCount, nameof(Labels), "the number of events");
        CheckLengthOrNone(Actions.Length, EventCount, nameof(Actions), "the number of events");
        CheckLengthOrNone(Baskets.Length, EventCount, nameof(Baskets), "the number of events");
        CheckLengthOrNone(ItemCategories.Length, ItemCount, nameof(ItemCategories), nameof(ItemCount));
        CheckLengthOrNone(ItemPools.Length, ItemCount, nameof(ItemPools), nameof(ItemCount));
        CheckLength(UserNames.Count, Users.Count, nameof(UserNames), "the number of users");
        CheckLength(ItemNames.Count, ItemCount, nameof(ItemNames), nameof(ItemCount));
        CheckNumbers(Items.Span, ItemCount, nameof(Items));
        CheckNumbers(Actions.Span, ActionCount, nameof(Actions));
        CheckNumbers(ItemCategories.Span, CategoryCount, nameof(ItemCategories));
        CheckNumbers(ItemPools.Span, PoolCount, nameof(ItemPools));
        CheckLabels();
        CheckTimes();
        _users ??= Numbers(UserNames, nameof(UserNames));
        _items ??= Numbers(ItemNames, nameof(ItemNames));
        _valid = true;
        return this;
    }

    private void CheckLabels()
    {
        var labels = Labels.Span;
        for (int i = 0; i < labels.Length; i++)
        {
            if (!(labels[i] is >= 0 and <= 1))
            {
                throw Error.Range($"{nameof(Labels)}[{i}]", labels[i], "from 0 to 1");
            }
        }
    }

    private void CheckTimes()
    {
        var times = Times.Span;
        for (int user = 0; user < Users.Count; user++)
        {
            for (long i = Users.Start(user) + 1; i < Users.Start(user) + Users.Length(user); i++)
            {
                if (times[(int)i] < times[(int)i - 1])
                {
                    throw Error.Range($"{nameof(Times)}[{i}]", times[(int)i], $"{times[(int)i - 1]} or more: times never decrease within a user (user {user})");
                }
            }
        }
    }

    private static void CheckKinds(int count, string argument)
    {
        if (count < 1)
        {
            throw Error.Range(argument, count, "1 or more");
        }
    }

    private static void CheckNumbers(ReadOnlySpan<int> numbers, int count, string column)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if ((uint)numbers[i] >= (uint)count)
            {
                throw Error.Range($"{column}[{i}]", numbers[i], $"from 0 to {count - 1}");
            }
        }
    }

    private static void CheckLength(long was, long mustBe, string column, string meaning)
    {
        if (was != mustBe)
        {
            throw Error.Length(column, was, mustBe, meaning);
        }
    }

    private static void CheckLengthOrNone(long was, long mustBe, string column, string meaning)
    {
        if (was != 0)
        {
            CheckLength(was, mustBe, column, meaning + ", or none");
        }
    }

    private static Dictionary<string, int> Numbers(IReadOnlyList<string> names, string column)
    {
        var numbers = new Dictionary<string, int>(names.Count, StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++)
        {
            if (!numbers.TryAdd(names[i], i))
            {
                throw Error.Invalid($"{column}[{i}]", $"'{names[i]}', the same as {column}[{numbers[names[i]]}]", "unique");
            }
        }
        return numbers;
    }
}

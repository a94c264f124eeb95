using System.Runtime.InteropServices;

namespace LongSeqKernels.Models;

/// <summary>What makes events belong together.</summary>
public enum BasketRule
{
    /// <summary>Events of a user with the same basket name; an event without one stands alone.</summary>
    Named,

    /// <summary>Events of a user at the same time (ratings saved together).</summary>
    EqualTimes,
}

/// <summary>
/// Collects events in any order and makes an <see cref="InteractionLog"/> of them: names become dense numbers in the order in which they are met; events are
/// sorted by user, then time, and at equal times by basket, otherwise keeping the order in which they were added. Users and items without events are left out.
/// </summary>
public sealed class InteractionLogBuilder
{
    private const int None = -1;
    private readonly NameTable _userNames = new();
    private readonly NameTable _itemNames = new();
    private readonly NameTable _actionNames = new();
    private readonly NameTable _basketNames = new();
    private readonly NameTable _categoryNames = new();
    private readonly NameTable _poolNames = new();
    private readonly List<int> _users = [];
    private readonly List<int> _items = [];
    private readonly List<long> _times = [];
    private readonly List<float> _labels = [];
    private readonly List<int> _actions = [];
    private readonly List<int> _baskets = [];
    private readonly List<int> _itemCategories = [];
    private readonly List<int> _itemPools = [];

    /// <summary>What makes events belong together.</summary>
    public BasketRule Baskets { get; init; }

    /// <summary>Number of events added.</summary>
    public int EventCount => _users.Count;

    /// <summary>Number of kinds of action met.</summary>
    internal int ActionCount => _actionNames.Count;

    /// <summary>Whether the category of any item is known.</summary>
    internal bool HasCategories => _categoryNames.Count > 0;

    /// <summary>Whether the pool of any item is known.</summary>
    internal bool HasPools => _poolNames.Count > 0;

    /// <summary>Adds an event.</summary>
    /// <param name="user">Name of the user.</param>
    /// <param name="item">Name of the item.</param>
    /// <param name="time">Unix seconds.</param>
    /// <param name="label">From 0 to 1; 1 for positive feedback.</param>
    /// <param name="action">What the user did; empty when there is one kind of action.</param>
    /// <param name="basket">Name of the basket; empty when the event stands alone.</param>
    public void Add(
        ReadOnlySpan<char> user, ReadOnlySpan<char> item, long time, float label = 1, ReadOnlySpan<char> action = default, ReadOnlySpan<char> basket = default)
    {
        _users.Add(_userNames.Number(user));
        _items.Add(ItemNumber(item));
        _times.Add(time);
        _labels.Add(label);
        _actions.Add(_actionNames.Number(action));
        _baskets.Add(basket.IsEmpty ? None : _basketNames.Number(basket));
    }

    /// <summary>Says what is known of an item. What was said first stays.</summary>
    /// <param name="item">Name of the item.</param>
    /// <param name="category">Name of its category; empty when not known.</param>
    /// <param name="pool">Name of its pool; empty when not known.</param>
    public void DescribeItem(ReadOnlySpan<char> item, ReadOnlySpan<char> category, ReadOnlySpan<char> pool)
    {
        int number = ItemNumber(item);
        if (!category.IsEmpty && _itemCategories[number] == None)
        {
            _itemCategories[number] = _categoryNames.Number(category);
        }
        if (!pool.IsEmpty && _itemPools[number] == None)
        {
            _itemPools[number] = _poolNames.Number(pool);
        }
    }

    /// <summary>Makes the log.</summary>
    /// <param name="source">Where the log came from, in words.</param>
    /// <param name="options">What to leave out.</param>
    /// <param name="notes">Takes remarks for the report.</param>
    /// <exception cref="InvalidDataException">No events are left.</exception>
    public InteractionLog Build(string source, ImportOptions? options = null, ICollection<string>? notes = null)
    {
        options ??= new ImportOptions();
        options.Validate();
        int[] order = SortedByUserAndTime();
        order = Filter(order, options, notes);
        if (order.Length == 0)
        {
            throw new InvalidDataException($"{source} has no events{(EventCount > 0 ? $" left: all {EventCount} were filtered out" : "")}.");
        }
        var (userNumbers, userNames) = Compacted(order, _users, _userNames);
        var (itemNumbers, itemNames) = Compacted(order, _items, _itemNames);
        var lengths = new long[userNames.Length];
        foreach (int i in order)
        {
            lengths[userNumbers[_users[i]]]++;
        }
        return new InteractionLog
        {
            // Numbers keep the order of first appearance, and so do the sorted events: users come out in the order of their numbers.
            Users = JaggedLayout.FromLengths(lengths),
            Items = Array.ConvertAll(order, i => itemNumbers[_items[i]]),
            Times = Array.ConvertAll(order, i => _times[i]),
            ItemCount = itemNames.Length,
            Labels = _labels.TrueForAll(label => label == 1) ? default : Array.ConvertAll(order, i => _labels[i]),
            Actions = _actionNames.Count <= 1 ? default : Array.ConvertAll(order, i => _actions[i]),
            ActionCount = Math.Max(1, _actionNames.Count),
            Baskets = BasketColumn(order),
            ItemCategories = ItemColumn(_itemCategories, _categoryNames, itemNumbers, itemNames.Length, "category", notes),
            CategoryCount = Math.Max(1, _categoryNames.Count),
            ItemPools = ItemColumn(_itemPools, _poolNames, itemNumbers, itemNames.Length, "pool", notes),
            PoolCount = Math.Max(1, _poolNames.Count),
            UserNames = userNames,
            ItemNames = itemNames,
            Source = source,
        }.Validate();
    }

    private int ItemNumber(ReadOnlySpan<char> item)
    {
        int number = _itemNames.Number(item);
        if (number == _itemCategories.Count)
        {
            _itemCategories.Add(None);
            _itemPools.Add(None);
        }
        return number;
    }

    private int[] SortedByUserAndTime()
    {
        var starts = new int[_userNames.Count + 1];
        foreach (int user in _users)
        {
            starts[user + 1]++;
        }
        for (int user = 0; user < _userNames.Count; user++)
        {
            starts[user + 1] += starts[user];
        }
        var next = starts.AsSpan(0, _userNames.Count).ToArray();
        var order = new int[EventCount];
        for (int i = 0; i < order.Length; i++)
        {
            order[next[_users[i]]++] = i;
        }
        Comparison<int> comparison = (left, right) =>
        {
            int byTime = _times[left].CompareTo(_times[right]);
            int byBasket = byTime != 0 ? byTime : _baskets[left].CompareTo(_baskets[right]);
            return byBasket != 0 ? byBasket : left.CompareTo(right);
        };
        for (int user = 0; user < _userNames.Count; user++)
        {
            order.AsSpan(starts[user]..starts[user + 1]).Sort(comparison);
        }
        return order;
    }

    private int[] Filter(int[] order, ImportOptions options, ICollection<string>? notes)
    {
        int before = order.Length;
        if (options.MaxBasketEvents > 0)
        {
            var counts = new Dictionary<(int User, int Basket), int>();
            foreach (int i in order)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(counts, (_users[i], _baskets[i]), out _)++;
            }
            order = Array.FindAll(order, i => _baskets[i] == None || counts[(_users[i], _baskets[i])] <= options.MaxBasketEvents);
            Note($"events in baskets of more than {options.MaxBasketEvents}");
        }
        order = WithoutRare(order, _items, _itemNames.Count, options.MinItemEvents);
        Note($"events of items with fewer than {options.MinItemEvents} events");
        order = WithoutRare(order, _users, _userNames.Count, options.MinUserEvents);
        Note($"events of users with fewer than {options.MinUserEvents} events");
        return order;

        void Note(string what)
        {
            if (order.Length < before)
            {
                notes?.Add($"{before - order.Length} {what} were left out.");
            }
            before = order.Length;
        }
    }

    private static int[] WithoutRare(int[] order, List<int> numbers, int count, int least)
    {
        if (least <= 1)
        {
            return order;
        }
        var events = new int[count];
        foreach (int i in order)
        {
            events[numbers[i]]++;
        }
        return Array.FindAll(order, i => events[numbers[i]] >= least);
    }

    /// <summary>New numbers without gaps for those that still have events, and their names.</summary>
    private static (int[] Numbers, string[] Names) Compacted(int[] order, List<int> column, NameTable table)
    {
        var numbers = new int[table.Count];
        Array.Fill(numbers, None);
        foreach (int i in order)
        {
            numbers[column[i]] = 0;
        }
        var names = new List<string>();
        for (int old = 0; old < numbers.Length; old++)
        {
            if (numbers[old] != None)
            {
                numbers[old] = names.Count;
                names.Add(table[old]);
            }
        }
        return (numbers, [.. names]);
    }

    private ReadOnlyMemory<long> BasketColumn(int[] order)
    {
        if (Baskets == BasketRule.Named)
        {
            // An event that stands alone gets a number that no basket has.
            return _basketNames.Count == 0 ? default : Array.ConvertAll(order, i => _baskets[i] == None ? (long)_basketNames.Count + i : _baskets[i]);
        }
        var baskets = new long[order.Length];
        for (int i = 1; i < order.Length; i++)
        {
            bool same = _users[order[i]] == _users[order[i - 1]] && _times[order[i]] == _times[order[i - 1]];
            baskets[i] = baskets[i - 1] + (same ? 0 : 1);
        }
        return baskets;
    }

    private static ReadOnlyMemory<int> ItemColumn(
        List<int> column, NameTable names, int[] itemNumbers, int itemCount, string what, ICollection<string>? notes)
    {
        if (names.Count == 0)
        {
            return default;
        }
        var values = new int[itemCount];
        int unknown = 0;
        for (int item = 0; item < itemNumbers.Length; item++)
        {
            if (itemNumbers[item] != None)
            {
                unknown += column[item] == None ? 1 : 0;
                // Items of which nothing is known share a category (a pool) without a name.
                values[itemNumbers[item]] = column[item] == None ? names.Number("") : column[item];
            }
        }
        if (unknown > 0)
        {
            notes?.Add($"{unknown} items have no known {what}; they share one without a name.");
        }
        return values;
    }
}

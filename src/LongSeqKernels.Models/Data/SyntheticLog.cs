namespace LongSeqKernels.Models;

/// <summary>
/// Generates a log whose users have long-range interests, for demonstrations and tests. It is generated data and shows what a model can find, not what real
/// histories hold.
/// </summary>
/// <remarks>
/// <para>
/// Every user has <see cref="SyntheticLogOptions.InterestsPerUser"/> topics, fixed for life, the i-th with weight 1 / sqrt(i), and a quarter of each topic's items as
/// favourites. The history is a chain of sessions. A session draws a topic by weight, whatever came before. An event of a session is a favourite of its topic (seven
/// in ten), any item of the topic, or noise: an item in fashion that month. The action tells favourites (1, nine times in ten) from the rest (0, nine times in ten).
/// </para>
/// <para>
/// What comes next is best foretold by who the user is, and a short window shows only a part of that: with the default sizes, a topic comes back after 20 to 100 events and
/// one favourite item after some hundred, so that the last 10 events show a few of the interests, the last 1,000 nearly all of them with their favourites.
/// </para>
/// </remarks>
public static class SyntheticLog
{
    private const long Start = 1_600_000_000;
    private const long Month = 30L * 24 * 3600;
    private const int FashionItems = 50;
    private const double FavouriteShare = 0.7;
    private const double TrueAction = 0.9;

    /// <summary>Generates a log.</summary>
    /// <param name="options">Sizes and seed.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static InteractionLog Generate(SyntheticLogOptions? options = null)
    {
        options ??= new SyntheticLogOptions();
        options.Validate();
        int itemCount = options.Topics * options.ItemsPerTopic;
        int events = options.Users * options.EventsPerUser;
        var items = new int[events];
        var times = new long[events];
        var actions = new int[events];
        for (int user = 0; user < options.Users; user++)
        {
            var range = new Range(user * options.EventsPerUser, (user + 1) * options.EventsPerUser);
            new SyntheticUser(options, new RandomStream(options.Seed, user)).Live(items.AsSpan(range), times.AsSpan(range), actions.AsSpan(range));
        }
        return new InteractionLog
        {
            Users = JaggedLayout.Uniform(options.Users, options.EventsPerUser),
            Items = items,
            Times = times,
            ItemCount = itemCount,
            Actions = actions,
            ActionCount = 2,
            ItemCategories = Enumerable.Range(0, itemCount).Select(item => item / options.ItemsPerTopic).ToArray(),
            CategoryCount = options.Topics,
            UserNames = [.. Enumerable.Range(0, options.Users).Select(user => $"user{user}")],
            ItemNames = [.. Enumerable.Range(0, itemCount).Select(item => $"item{item}")],
            Source = $"generated: {options.Users} users of {options.EventsPerUser} events, {itemCount} items in {options.Topics} topics, seed {options.Seed}",
        }.Validate();
    }

    /// <summary>One user's life.</summary>
    private sealed class SyntheticUser
    {
        private readonly SyntheticLogOptions _options;
        private readonly RandomStream _random;
        private readonly int[] _topics;
        private readonly double[] _cumulativeWeights;
        private readonly long _favouriteSeed;

        public SyntheticUser(SyntheticLogOptions options, RandomStream random)
        {
            _options = options;
            _random = random;
            _topics = [.. Enumerable.Range(0, options.Topics)];
            random.Shuffle<int>(_topics);
            _cumulativeWeights = new double[options.InterestsPerUser];
            double sum = 0;
            for (int i = 0; i < _cumulativeWeights.Length; i++)
            {
                _cumulativeWeights[i] = sum += 1 / Math.Sqrt(i + 1);
            }
            _favouriteSeed = (long)random.NextBits();
        }

        public void Live(Span<int> items, Span<long> times, Span<int> actions)
        {
            // Sessions are a day apart and events a minute, each with a spread, so that everybody's lives overlap.
            double time = Start + (_random.NextUnit() * Month);
            int topic = -1;
            for (int i = 0; i < items.Length; i++)
            {
                bool newSession = topic < 0 || _random.NextUnit() < 1 / _options.SessionEvents;
                topic = newSession ? DrawTopic() : topic;
                time += -Math.Log(1 - _random.NextUnit()) * (newSession ? 24 * 3600 : 60);
                times[i] = (long)time;
                (items[i], bool favourite) = DrawItem(topic, times[i]);
                actions[i] = favourite == _random.NextUnit() < TrueAction ? 1 : 0;
            }
        }

        private int DrawTopic()
        {
            double at = _random.NextUnit() * _cumulativeWeights[^1];
            int interest = Array.FindIndex(_cumulativeWeights, sum => at < sum);
            return _topics[interest < 0 ? _cumulativeWeights.Length - 1 : interest];
        }

        private (int Item, bool Favourite) DrawItem(int topic, long time)
        {
            if (_random.NextUnit() < _options.Noise)
            {
                var fashion = new RandomStream(_options.Seed, -1 - (time / Month * FashionItems) - _random.NextIndex(FashionItems));
                return (fashion.NextIndex(_options.Topics * _options.ItemsPerTopic), false);
            }
            int favourites = Math.Max(1, _options.ItemsPerTopic / 4);
            bool favourite = _random.NextUnit() < FavouriteShare;
            // The favourites of a topic are where a stream of the user's own points; no memory of them is needed.
            var stream = favourite ? new RandomStream(_favouriteSeed, ((long)topic * favourites) + _random.NextIndex(favourites)) : _random;
            return ((topic * _options.ItemsPerTopic) + stream.NextIndex(_options.ItemsPerTopic), favourite);
        }
    }
}

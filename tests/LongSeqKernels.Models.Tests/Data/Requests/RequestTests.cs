using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RequestTests
{
    private static readonly RequestProtocol Protocol = new() { Negatives = 10, PoolWindow = 200, MinHistory = 100, TrainMinHistory = 20, MinTestUserEvents = 150 };

    /// <summary>A log of three users with baskets (some interrupted by others), two pools and two actions.</summary>
    private static InteractionLog Log(bool labels = false)
    {
        var random = new RandomStream(5);
        var builder = new InteractionLogBuilder();
        for (int user = 0; user < 3; user++)
        {
            long time = 1000;
            for (int basket = 0; basket < 150; basket++)
            {
                time += random.NextIndex(3);
                int size = 1 + random.NextIndex(3);
                for (int i = 0; i < size; i++)
                {
                    int item = random.NextIndex(60);
                    // Every tenth basket takes up the one before it again: its events are interrupted by others.
                    int name = basket % 10 == 9 && i == 0 ? basket - 2 : basket;
                    builder.Add($"u{user}", $"i{item}", time, labels && item % 3 == 0 ? 0 : 1, item % 2 == 0 ? "even" : "odd", $"{name}");
                    builder.DescribeItem($"i{item}", $"c{item / 6}", $"p{item / 30}");
                }
            }
        }
        return builder.Build("test");
    }

    private static HashSet<int> BasketItems(InteractionLog log, int user, long basket)
    {
        var items = new HashSet<int>();
        for (int i = (int)log.Users.Start(user); i < (int)log.Users.Offsets[user + 1]; i++)
        {
            if (log.Baskets.Span[i] == basket)
            {
                items.Add(log.Items.Span[i]);
            }
        }
        return items;
    }

    [TestCase(LogPart.Train)]
    [TestCase(LogPart.Test)]
    public void RequestsKeepTheProtocol(LogPart part)
    {
        var log = Log();
        var maker = new RequestMaker(log, Protocol);
        int made = 0;
        for (int user = 0; user < log.Users.Count; user++)
        {
            int first = (int)log.Users.Start(user);
            int length = (int)log.Users.Length(user);
            var (start, end) = maker.Positions(user, part);
            for (int position = start; position < end; position++)
            {
                if (maker.TryMake(user, position, part, new RandomStream(1, position)) is not { } request)
                {
                    continue;
                }
                made++;
                long basket = log.Baskets.Span[position];
                var own = BasketItems(log, user, basket);
                int[] targets = request.Targets.ToArray();
                var history = Enumerable.Range(first, (int)request.HistoryLength).ToList();
                int pool = log.ItemPools.Span[targets[0]];
                var recent = Enumerable.Range(0, (int)log.EventCount)
                    .Where(i => log.ItemPools.Span[log.Items.Span[i]] == pool && log.Times.Span[i] < request.Time)
                    .OrderBy(i => log.Times.Span[i]).ThenBy(i => i).TakeLast(Protocol.PoolWindow).ToList();
                using (Assert.EnterMultipleScope())
                {
                    Assert.That(history.Select(i => log.Baskets.Span[i]), Does.Not.Contain(basket), "an event of the own basket is in the history");
                    Assert.That(log.Baskets.Span[first + (int)request.HistoryLength], Is.EqualTo(basket), "the history ends right before the basket");
                    Assert.That(request.HistoryLength, Is.GreaterThanOrEqualTo(part == LogPart.Train ? 20 : 100));
                    Assert.That(targets, Has.Length.EqualTo(11).And.Unique);
                    Assert.That(targets[0], Is.EqualTo(log.Items.Span[position]));
                    Assert.That(targets.Skip(1).Where(own.Contains), Is.Empty, "an item of the own basket is a negative");
                    Assert.That(targets.Skip(1), Is.SubsetOf(recent.Select(i => log.Items.Span[i])));
                    Assert.That(request.Time, Is.EqualTo(log.Times.Span[position]));
                    Assert.That(position < first + (int)(0.7 * length), Is.EqualTo(part == LogPart.Train));
                    for (int i = 0; i < targets.Length; i++)
                    {
                        int others = recent.Count(e => log.Items.Span[e] == targets[i] && (e < first || e >= first + length));
                        Assert.That(request.Popularity.Span[i], Is.EqualTo(MathF.Log(1 + others)));
                    }
                }
            }
        }
        Assert.That(made, Is.GreaterThan(100));
    }

    [Test]
    public void NegativesAreUnseenWhereTheProtocolSaysSo()
    {
        var log = Log(labels: true);
        var maker = new RequestMaker(log, Protocol with { NegativeRule = NegativeRule.Unseen, Negatives = 1, MinHistory = 20, MinTestUserEvents = 30, TrainShare = 0.1 });
        int made = 0;
        for (int user = 0; user < log.Users.Count; user++)
        {
            int first = (int)log.Users.Start(user);
            for (int position = maker.Positions(user, LogPart.Test).Start; position < maker.Positions(user, LogPart.Test).End; position++)
            {
                if (maker.TryMake(user, position, LogPart.Test, new RandomStream(1, position)) is { } request)
                {
                    made++;
                    Assert.That(log.Labels.Span[position], Is.EqualTo(1), "only positive events are positives");
                    Assert.That(log.Items.Span.Slice(first, (int)request.HistoryLength).ToArray(), Does.Not.Contain(request.Targets.Span[1]));
                }
            }
        }
        Assert.That(made, Is.GreaterThan(10));
    }

    [Test]
    public void NegativesAreDrawnAsOftenAsTheyWereTouched()
    {
        // Item a was touched 300 times, b 100 times, c once and the positive never before: one negative is a three times as often as b.
        var builder = new InteractionLogBuilder();
        for (int i = 0; i < 401; i++)
        {
            builder.Add("other", i < 300 ? "a" : i < 400 ? "b" : "c", i);
        }
        builder.Add("me", "a", 1);
        builder.Add("me", "x", 500);
        var log = builder.Build("test");
        var maker = new RequestMaker(log, new RequestProtocol { Negatives = 1, MinHistory = 1, MinTestUserEvents = 2, TrainShare = 0.5 });
        log.TryFindItem("a", out int a);
        log.TryFindUser("me", out int me);
        const int Draws = 4000;
        int count = Enumerable.Range(0, Draws).Count(i => maker.TryMake(me, 402, LogPart.Test, new RandomStream(2, i))!.Targets.Span[1] == a);
        // 301 of 402 events; five standard deviations of a binomial.
        Assert.That(count, Is.EqualTo(Draws * 301 / 402).Within(5 * Math.Sqrt(Draws * 0.75 * 0.25)));
        var all = new RequestMaker(log, new RequestProtocol { Negatives = 3, MinHistory = 1, MinTestUserEvents = 2, TrainShare = 0.5 });
        Assert.That(all.TryMake(me, 402, LogPart.Test, new RandomStream(2))!.Targets.ToArray(), Is.Unique, "rare items are found, too");
        var tooMany = new RequestMaker(log, new RequestProtocol { Negatives = 4, MinHistory = 1, MinTestUserEvents = 2, TrainShare = 0.5 });
        Assert.That(tooMany.TryMake(me, 402, LogPart.Test, new RandomStream(2)), Is.Null);
    }

    [Test]
    public void AWindowKeepsTheNewestEventsOfEachRequest()
    {
        var log = Log();
        var maker = new RequestMaker(log, Protocol);
        var requests = TestRequests.Draw(maker, 20, 3);
        foreach (int window in new[] { 0, 1, 7, 1000, RequestBatches.AllEvents })
        {
            var batch = RequestBatches.PerRequest(log, requests, window, BatchContent.Labels | BatchContent.Popularity);
            Assert.That(batch.History.Count, Is.EqualTo(requests.Count));
            Assert.That(batch.HistoryLimits.IsEmpty);
            for (int i = 0; i < requests.Count; i++)
            {
                int length = (int)Math.Min(window, requests[i].HistoryLength);
                int end = (int)(log.Users.Start(requests[i].User) + requests[i].HistoryLength);
                var range = new Range((int)batch.History.Start(i), (int)batch.History.Start(i) + length);
                Assert.That(batch.History.Length(i), Is.EqualTo(length));
                Assert.That(batch.HistoryItems[range].Span.SequenceEqual(log.Items.Span[(end - length)..end]));
                Assert.That(batch.HistoryTimes[range].Span.SequenceEqual(log.Times.Span[(end - length)..end]));
                Assert.That(batch.HistoryActions[range].Span.SequenceEqual(log.Actions.Span[(end - length)..end]));
                Assert.That(batch.TargetItems.Slice(i * 11, 11).Span.SequenceEqual(requests[i].Targets.Span));
                Assert.That(batch.Labels.Slice(i * 11, 11).ToArray(), Is.EqualTo(new float[] { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }));
                Assert.That(batch.RequestTimes.Span[i], Is.EqualTo(requests[i].Time));
            }
        }
    }

    [Test]
    public void TestRequestsAreTheSameForTheSameSeedAndFollowUserAndTime()
    {
        var maker = new RequestMaker(Log(), Protocol);
        var requests = TestRequests.Draw(maker, 20, 3);
        var again = TestRequests.Draw(maker, 20, 3);
        var other = TestRequests.Draw(maker, 20, 4);
        string Text(IReadOnlyList<Request> all) => string.Join(";", all.Select(request => $"{request.User} {request.HistoryLength} {string.Join(",", request.Targets.ToArray())}"));
        Assert.That(Text(again), Is.EqualTo(Text(requests)));
        Assert.That(Text(other), Is.Not.EqualTo(Text(requests)));
        Assert.That(requests.Select(request => request.User * 1_000_000L + request.HistoryLength), Is.Ordered);
        Assert.That(requests.GroupBy(request => request.User).Select(group => group.Count()), Is.All.LessThanOrEqualTo(20));
    }

    [Test]
    public void TrainingBatchesHoldWhatTheyPromise()
    {
        var log = Log();
        var options = new RequestSamplerOptions { Windows = new SuffixLengths(16, 64), EventsPerBatch = 256, RequestsPerSegment = 4 };
        var sampler = new RequestSampler(new RequestMaker(log, Protocol), options);
        bool shared = false;
        for (int number = 0; number < 200; number++)
        {
            var batch = sampler.Batch(number);
            Assert.That(batch.History.Total, Is.InRange(256 - 16 + 1 - 64, 256));
            Assert.That(batch.Labels.Length, Is.EqualTo(batch.Targets.Total).And.EqualTo(batch.TargetItems.Length).And.EqualTo(batch.TargetContext.Length));
            Assert.That(batch.Requests.Total, Is.EqualTo(batch.Targets.Total));
            shared |= !batch.HistoryLimits.IsEmpty;
            int request = 0;
            for (int segment = 0; segment < batch.History.Count; segment++)
            {
                long length = batch.History.Length(segment);
                Assert.That(length, Is.InRange(16, 64));
                long targetsEnd = batch.Targets.Offsets[segment + 1];
                int requests = 0;
                for (; request < batch.Requests.Count && batch.Requests.Start(request) < targetsEnd; request++, requests++)
                {
                    Assert.That(batch.Requests.Length(request), Is.EqualTo(11));
                    int first = (int)batch.Requests.Start(request);
                    long limit = batch.HistoryLimits.IsEmpty ? length : batch.HistoryLimits.Span[first];
                    Assert.That(limit, Is.InRange(length - 32, length), "every request sees half of the longest window or more");
                    Assert.That(batch.HistoryLimits.IsEmpty || batch.HistoryLimits.Span.Slice(first, 11).IndexOfAnyExcept(limit) < 0);
                }
                Assert.That(requests, Is.InRange(1, 4));
            }
            Assert.That(request, Is.EqualTo(batch.Requests.Count));
        }
        Assert.That(shared, "requests share segments");
    }

    [Test]
    public void HistoryLimitsHideWhatComesLater()
    {
        // Times of the visible events are never after those of the request's own position; the log's items at the limit are the positive's basket.
        var log = Log();
        var sampler = new RequestSampler(new RequestMaker(log, Protocol), new RequestSamplerOptions { Windows = new SuffixLengths(64, 64), EventsPerBatch = 64, RequestsPerSegment = 8 });
        for (int number = 0; number < 100; number++)
        {
            var batch = sampler.Batch(number);
            int user = Enumerable.Range(0, log.Users.Count).Single(u => IndexOf(log, u, batch) >= 0);
            int start = IndexOf(log, user, batch);
            for (int request = 0; request < batch.Requests.Count; request++)
            {
                int target = (int)batch.Requests.Start(request);
                int limit = (int)(batch.HistoryLimits.IsEmpty ? batch.History.Total : batch.HistoryLimits.Span[target]);
                long basket = log.Baskets.Span[start + limit];
                Assert.That(BasketItems(log, user, basket), Does.Contain(batch.TargetItems.Span[target]));
                Assert.That(log.Baskets.Span[start..(start + limit)].Contains(basket), Is.False);
            }
        }

        static int IndexOf(InteractionLog log, int user, RequestBatch batch)
        {
            int first = (int)log.Users.Start(user);
            int at = log.Items.Span.Slice(first, (int)log.Users.Length(user)).IndexOf(batch.HistoryItems.Span);
            return at < 0 ? -1 : first + at;
        }
    }

    [Test]
    public void BatchesDependOnTheirNumberAlone()
    {
        var options = new RequestSamplerOptions { Windows = new SuffixLengths(16, 64), EventsPerBatch = 256 };
        var sampler = new RequestSampler(new RequestMaker(Log(), Protocol), options);
        var resumed = new RequestSampler(new RequestMaker(Log(), Protocol), options);
        Assert.That(resumed.Fingerprint, Is.EqualTo(sampler.Fingerprint));
        sampler.Batch(0);
        sampler.Batch(1);
        Assert.That(Text(resumed.Batch(2)), Is.EqualTo(Text(sampler.Batch(2))));
        Assert.That(Text(sampler.Batch(3)), Is.Not.EqualTo(Text(sampler.Batch(2))));
        Assert.That(new RequestSampler(new RequestMaker(Log(), Protocol), options with { Seed = 2 }).Fingerprint, Is.Not.EqualTo(sampler.Fingerprint));
        Assert.That(new RequestSampler(new RequestMaker(Log(), Protocol with { PoolWindow = 201 }), options).Fingerprint, Is.Not.EqualTo(sampler.Fingerprint));

        static string Text(RequestBatch batch) => string.Join(",", batch.HistoryItems.ToArray()) + "|" + string.Join(",", batch.TargetItems.ToArray()) + "|" + string.Join(",", batch.HistoryLimits.ToArray());
    }

    [Test]
    public void PositionsAreDrawnEquallyOftenByPositions()
    {
        var builder = new InteractionLogBuilder();
        for (int i = 0; i < 4000; i++)
        {
            builder.Add(i % 4 == 0 ? "small" : "large", $"i{i % 7}", i);
        }
        var maker = new RequestMaker(builder.Build("test"), new RequestProtocol { Negatives = 1, TrainMinHistory = 0, MinHistory = 0, MinTestUserEvents = 0 });
        foreach (var (weight, share) in new[] { (UserWeight.Equal, 0.5), (UserWeight.ByPositions, 0.25) })
        {
            var sampler = new RequestSampler(maker, new RequestSamplerOptions { Windows = new SuffixLengths(8, 8), EventsPerBatch = 8, RequestsPerSegment = 1, UserWeight = weight });
            // The events of the two users have times of other residues, so a batch's history shows its user.
            int small = Enumerable.Range(0, 1000).Count(number => sampler.Batch(number).RequestTimes.Span[0] % 4 == 0);
            Assert.That(small, Is.EqualTo(1000 * share).Within(5 * Math.Sqrt(1000 * share * (1 - share))));
        }
    }

    [Test]
    public void TrainingMayTakeFewerNegativesThanTests()
    {
        var maker = new RequestMaker(Log(), Protocol);
        var batch = new RequestSampler(maker, new RequestSamplerOptions { Windows = new SuffixLengths(8, 8), EventsPerBatch = 64, Negatives = 3 }).Batch(0);
        Assert.That(Enumerable.Range(0, batch.Requests.Count).Select(batch.Requests.Length), Is.All.EqualTo(4));
        Assert.That(TestRequests.Draw(maker, 1, 1)[0].Targets.Length, Is.EqualTo(11));
    }

    [Test]
    public void BatchesOfEmptyHistoriesEnd()
    {
        // Two events each, of which the first is for training: every training request is before anything else.
        var builder = new InteractionLogBuilder();
        for (int user = 0; user < 20; user++)
        {
            builder.Add($"u{user}", $"i{user % 5}", user);
            builder.Add($"u{user}", $"i{user % 3}", user + 100);
        }
        var maker = new RequestMaker(builder.Build("test"), new RequestProtocol { Negatives = 1, TrainMinHistory = 0, MinHistory = 0, MinTestUserEvents = 0, TrainShare = 0.5 });
        var batch = new RequestSampler(maker, new RequestSamplerOptions { Windows = new SuffixLengths(8, 64), EventsPerBatch = 64 }).Batch(0);
        Assert.That(batch.History.Total, Is.Zero);
        Assert.That(batch.History.Count, Is.EqualTo(8));
    }

    [Test]
    public void ALogWithoutRequestsSaysSo()
    {
        var maker = new RequestMaker(Log(), Protocol with { MinHistory = 100_000, MinTestUserEvents = 100_000, TrainMinHistory = 100_000 });
        Assert.That(() => TestRequests.Draw(maker, 1, 1), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("no requests to test with"));
        Assert.That(() => new RequestSampler(maker, new RequestSamplerOptions()), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("train"));
    }

    [Test]
    public void WrongArgumentsAreRefused()
    {
        var log = Log();
        Assert.That(() => new RequestMaker(log, Protocol with { Negatives = 0 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new RequestMaker(log, Protocol with { TrainShare = 1 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new RequestMaker(log, Protocol with { TrainShare = double.NaN }), Throws.InstanceOf<ArgumentOutOfRangeException>());
        var good = new Request { User = 0, HistoryLength = 1, Time = 0, Targets = new[] { 0 } };
        Assert.That(() => RequestBatches.PerRequest(log, [good with { User = 3 }], 10), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => RequestBatches.PerRequest(log, [good with { HistoryLength = -1 }], 10), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => RequestBatches.PerRequest(log, [good with { HistoryLength = 10_000 }], 10), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => RequestBatches.PerRequest(log, [good with { Targets = new[] { log.ItemCount } }], 10), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => RequestBatches.PerRequest(log, [good], 10, BatchContent.Popularity), Throws.ArgumentException);
        Assert.That(() => RequestBatches.PerRequest(log, [good], -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class CoOccurrenceTests
{
    private static InteractionLog Log(int[] items, params long[] lengths) => new()
    {
        Users = JaggedLayout.FromLengths(lengths),
        Items = items,
        Times = Enumerable.Range(0, items.Length).Select(i => (long)i).ToArray(),
        ItemCount = items.Max() + 1,
        UserNames = [.. lengths.Index().Select(user => $"user{user.Index}")],
        ItemNames = [.. Enumerable.Range(0, items.Max() + 1).Select(item => $"{item}")],
        Source = "by hand",
    };

    [Test]
    public void LikenessesByHand()
    {
        // Of the first halves: 0 1 0 and 1 2. What follows must not count.
        CoOccurrenceCounts counts = CoOccurrenceCounts.Of(Log([0, 1, 0, 3, 3, 3, 1, 2, 3, 3], 6, 4), 0.5, CancellationToken.None);
        double Of(int item, int other) => counts.Sum(item, new Dictionary<int, int> { [other] = 1 });
        // Two events each of items 0 and 1, one of item 2; pairs: 0-1 twice, 0-0 and 1-2 once.
        Assert.That(Of(0, 1), Is.EqualTo(2 / 2.0).Within(1e-6));
        Assert.That(Of(1, 0), Is.EqualTo(2 / 2.0).Within(1e-6));
        Assert.That(Of(0, 0), Is.EqualTo(1 / 2.0).Within(1e-6));
        Assert.That(Of(2, 1), Is.EqualTo(1 / Math.Sqrt(2)).Within(1e-6));
        Assert.That(Of(0, 2), Is.Zero, "of two users");
        Assert.That(Of(3, 3), Is.Zero, "after the first halves");
        Assert.That(counts.Sum(1, new Dictionary<int, int> { [0] = 3, [2] = 1 }), Is.EqualTo(3 + (1 / Math.Sqrt(2))).Within(1e-6));
    }

    [Test]
    public void EventsFurtherApartThanTheReachAreNoPair()
    {
        int[] items = [0, .. Enumerable.Repeat(1, CoOccurrenceCounts.Reach - 1), 2, 3];
        CoOccurrenceCounts counts = CoOccurrenceCounts.Of(Log([.. items, .. items], items.Length * 2), 0.5, CancellationToken.None);
        Assert.That(counts.Sum(2, new Dictionary<int, int> { [0] = 1 }), Is.GreaterThan(0));
        Assert.That(counts.Sum(3, new Dictionary<int, int> { [0] = 1 }), Is.Zero);
    }

    [Test]
    public void RanksWhatOccursTogetherAboveTheRest()
    {
        InteractionLog log = SyntheticLog.Generate(new SyntheticLogOptions { Users = 20, EventsPerUser = 600, Topics = 10, ItemsPerTopic = 10, InterestsPerUser = 3 });
        var maker = new RequestMaker(log, RequestProtocol.For(log) with { Negatives = 10 });
        int[] windows = [20, 200];
        CoOccurrenceBaseline baseline = CoOccurrenceBaseline.Fit(maker, TestRequests.Draw(maker, 30, 1, LogPart.Train), windows);
        LengthResult result = new LengthEvaluator(maker, TestRequests.Draw(maker, 30, 1), new EvaluationOptions { Windows = windows }).Evaluate("together", baseline.ForWindow, BatchContent.Popularity);
        Assert.That(result.Windows[1].Auc.Mean, Is.GreaterThan(0.6));
        Assert.That(() => baseline.ForWindow(30), Throws.InstanceOf<ArgumentException>().With.Message.Contains("20, 200"));
        Assert.That(() => CoOccurrenceBaseline.Fit(maker, [], windows), Throws.InstanceOf<ArgumentException>().With.Message.Contains("requests"));
    }
}

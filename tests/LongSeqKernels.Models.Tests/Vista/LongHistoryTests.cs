using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Histories that are far longer than what a summariser holds at a time.</summary>
[NonParallelizable]
public sealed class LongHistoryTests
{
    private const int Million = 1_000_000;

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Summarisers))]
    public void MillionEventsAreSummarisedInBoundedMemory(VistaConfig config)
    {
        config = config with { Width = 16, Heads = 2, Seeds = 16 };
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        var summariser = new VistaSummariser(context, VistaCases.Model(config));
        UserHistory user = User(config, Million);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        UserSummary summary = summariser.Summarise(user);
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        var rows = new float[summary.Tokens * summary.Width];
        summary.Decode(context, rows);
        Assert.That(rows, Has.All.Matches<float>(float.IsFinite));
        // The tokens of the history alone would take 64 MB; the gaps of its events take 8 of these.
        Assert.That(allocated, Is.LessThan(32L << 20));
    }

    /// <summary>The size of VISTA's public figures; what grows with the history is one number per event where gaps are counted to the event before.</summary>
    [Test]
    public void MemoryAtFullSizeDoesNotGrowWithTheHistory()
    {
        VistaConfig config = VistaCases.Default with { Width = 128, Heads = 4, Seeds = 128, Layers = 3 };
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        VistaModel model = VistaCases.Model(config);
        long Allocated(int events)
        {
            var summariser = new VistaSummariser(context, model);
            UserHistory user = User(config, events);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            summariser.Summarise(user);
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }
        long first = Allocated(2 * VistaSummariser.DefaultMaxEvents);
        Assert.That(first, Is.LessThan(128L << 20));
        Assert.That(Allocated(6 * VistaSummariser.DefaultMaxEvents), Is.LessThan(first + (1 << 20)));
    }

    private static UserHistory User(VistaConfig config, int events)
    {
        var random = new RandomStream(5);
        var items = new int[events];
        var actions = new int[events];
        var times = new long[events];
        for (int i = 0; i < events; i++)
        {
            items[i] = random.NextIndex(config.Items);
            actions[i] = random.NextIndex(config.Actions);
            times[i] = 60L * i;
        }
        return new UserHistory { Items = items, Actions = actions, Times = times, RequestTime = 60L * events };
    }
}

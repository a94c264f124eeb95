namespace LongSeqKernels.Models.Tests;

/// <summary>
/// A task that only the far past can solve: a target is positive if it occurs in the older half of its user's history. The newer half is made of other items,
/// half of which are the negatives; the other half of the negatives occur nowhere.
/// </summary>
internal sealed class FarPastSource(long seed) : IRequestBatchSource
{
    public const int Items = 60;
    private const int Half = 12;
    private const int Segments = 6;
    private const int Positives = 4;
    private const int Targets = 3 * Positives;

    public static StcaConfig Config { get; } = new()
    {
        Items = Items,
        TimeGaps = new TimeBuckets(24),
        Width = 16,
        Heads = 2,
        Layers = 2,
        ScorerWidths = [16],
        Seed = 3,
    };

    public string Fingerprint => $"far past, seed {seed}";

    public RequestBatch Batch(long number)
    {
        var random = new RandomStream(seed, number);
        var items = new List<int>();
        var times = new List<long>();
        var targets = new List<int>();
        int[] all = [.. Enumerable.Range(0, Items)];
        for (int segment = 0; segment < Segments; segment++)
        {
            random.Shuffle<int>(all);
            items.AddRange(all[..(2 * Half)]);
            times.AddRange(Enumerable.Range(0, 2 * Half).Select(i => i < Half ? 1000L * i : 10_000_000 + (1000L * i)));
            targets.AddRange(all[..Positives]);
            targets.AddRange(all[(2 * Half)..((2 * Half) + Positives)]);
            targets.AddRange(all[Half..(Half + Positives)]);
        }
        return new RequestBatch
        {
            History = JaggedLayout.Uniform(Segments, 2 * Half),
            HistoryItems = items.ToArray(),
            HistoryTimes = times.ToArray(),
            RequestTimes = Enumerable.Repeat(10_100_000L, Segments).ToArray(),
            Targets = JaggedLayout.Uniform(Segments, Targets),
            TargetItems = targets.ToArray(),
            Requests = JaggedLayout.Uniform(Segments, Targets),
            Labels = Enumerable.Range(0, Segments * Targets).Select(i => i % Targets < Positives ? 1f : 0f).ToArray(),
        };
    }

    /// <summary>Share of pairs of a positive and a negative of one request that are in order, on batches that no run trains on.</summary>
    public static double Accuracy(IRequestScorer scorer)
    {
        var source = new FarPastSource(1);
        double right = 0;
        double pairs = 0;
        for (int number = 1_000_000; number < 1_000_010; number++)
        {
            RequestBatch batch = source.Batch(number);
            var logits = new float[batch.Targets.Total];
            scorer.Score(batch, logits);
            for (int request = 0; request < batch.Requests.Count; request++)
            {
                int[] targets = [.. Enumerable.Range((int)batch.Requests.Start(request), (int)batch.Requests.Length(request))];
                foreach (int positive in targets.Where(target => batch.Labels.Span[target] == 1))
                {
                    foreach (int negative in targets.Where(target => batch.Labels.Span[target] == 0))
                    {
                        right += logits[positive] > logits[negative] ? 1 : logits[positive] == logits[negative] ? 0.5 : 0;
                        pairs++;
                    }
                }
            }
        }
        return right / pairs;
    }
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Serving.Tests;

/// <summary>A scorer whose scores can be told from summary and candidate, and that can be held up.</summary>
internal sealed class TestScorer : ISummaryScorer
{
    private readonly ManualResetEventSlim _open = new(true);
    private readonly ManualResetEventSlim _waits = new(false);

    public List<int> BatchSizes { get; } = [];

    /// <summary>A candidate whose run throws.</summary>
    public const int Poison = 666;

    /// <summary>A candidate whose score is NaN.</summary>
    public const int NotFinite = 667;

    public static float Score(UserSummary summary, int candidate) => summary.Scales.Span[0] + candidate;

    public void Hold()
    {
        _waits.Reset();
        _open.Reset();
    }

    public void LetGo() => _open.Set();

    /// <summary>Waits until a run has come that is held up: its requests are no longer in the queue.</summary>
    public void WaitUntilHeld() => Assert.That(_waits.Wait(TimeSpan.FromMinutes(1)), "no run came");

    public void Score(IReadOnlyList<UserSummary> summaries, JaggedLayout targets, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits)
    {
        _waits.Set();
        _open.Wait();
        lock (BatchSizes)
        {
            BatchSizes.Add(summaries.Count);
        }
        if (candidates.Span.Contains(Poison))
        {
            throw new ArgumentException("summaries[0].Width is 6; it must be 64, the width of the model.");
        }
        for (int user = 0; user < summaries.Count; user++)
        {
            for (int i = (int)targets.Start(user); i < targets.Start(user + 1); i++)
            {
                int candidate = candidates.Span[i];
                logits[i] = candidate == NotFinite ? float.NaN : Score(summaries[user], candidate) + (features.IsEmpty ? 0 : features.Span[2 * i] + features.Span[(2 * i) + 1]);
            }
        }
    }
}

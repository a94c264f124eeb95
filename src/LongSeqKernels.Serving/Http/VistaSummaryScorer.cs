using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>Scores stored summaries with the VISTA model that made them.</summary>
/// <param name="scorer">The model's scorer; this one's own.</param>
public sealed class VistaSummaryScorer(VistaScorer scorer) : ISummaryScorer
{
    /// <inheritdoc/>
    public void Score(IReadOnlyList<UserSummary> summaries, JaggedLayout targets, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits) =>
        scorer.Score(summaries, targets, candidates, features, logits);
}

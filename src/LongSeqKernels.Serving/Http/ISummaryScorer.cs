using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>Scores candidates against stored summaries. Used by one batch at a time.</summary>
public interface ISummaryScorer
{
    /// <summary>Scores candidates for several users in one run.</summary>
    /// <param name="summaries">One per request.</param>
    /// <param name="targets">Candidates per request.</param>
    /// <param name="candidates">Items <c>[T]</c>.</param>
    /// <param name="features">Context features <c>[T, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[T]</c>: higher is better.</param>
    /// <exception cref="ArgumentException">A summary does not fit the model.</exception>
    void Score(IReadOnlyList<UserSummary> summaries, JaggedLayout targets, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits);
}

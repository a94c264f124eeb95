namespace LongSeqKernels.Models;

/// <summary>A user's history as a model made it ready for scoring: the part of the work that does not depend on the candidates.</summary>
public interface IEncodedHistory
{
    /// <summary>Number of events that were read.</summary>
    long Events { get; }
}

/// <summary>
/// Scores targets with a trained model, also in two steps as a ranking service does: a history is encoded once and any number of lists of candidates are scored against it. Holds
/// the memory of its runs. Not thread-safe; scorers of one model may run at the same time.
/// </summary>
public interface IHistoryScorer : IRequestScorer
{
    /// <summary>Encodes a user's history.</summary>
    /// <param name="history">The events, and the time of the request.</param>
    /// <exception cref="ArgumentException">An identifier is unknown to the model or the columns differ in length.</exception>
    IEncodedHistory Encode(UserHistory history);

    /// <summary>Scores candidates against an encoded history.</summary>
    /// <param name="history">Of this model as it is now.</param>
    /// <param name="candidates">Items.</param>
    /// <param name="features">Context features <c>[candidates, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[candidates]</c>.</param>
    /// <exception cref="ArgumentException">An item is unknown to the model, a length is wrong, or the history is not of this model.</exception>
    void Score(IEncodedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits);
}

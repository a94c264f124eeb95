namespace LongSeqKernels.Models;

/// <summary>Whatever scores targets: a trained model, or a baseline that it is compared with.</summary>
public interface IRequestScorer
{
    /// <summary>Scores every target of a batch.</summary>
    /// <param name="batch">The requests; labels are not read.</param>
    /// <param name="logits"><c>[T]</c>: higher is better; the sigmoid is the probability of a positive label where the scorer was trained for it.</param>
    /// <exception cref="ArgumentException">The batch does not fit the scorer, or <paramref name="logits"/> has the wrong length.</exception>
    void Score(RequestBatch batch, Span<float> logits);
}

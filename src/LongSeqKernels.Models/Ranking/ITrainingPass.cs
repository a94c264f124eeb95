namespace LongSeqKernels.Models;

/// <summary>A model's forward and backward runs for training, with the memory that they keep from batch to batch.</summary>
internal interface ITrainingPass
{
    /// <summary>What the model's own objectives (a reconstruction loss, say) add to the loss of the last forward run, weighted; 0 where it has none.</summary>
    double AuxiliaryLoss { get; }

    /// <summary>Scores all targets of a checked batch and keeps what <see cref="Backward"/> needs.</summary>
    /// <param name="batch">The requests; unchanged until the backward run is over.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    void Forward(RequestBatch batch, Span<float> logits);

    /// <summary>Overwrites the gradients of all parameters with those of the last forward run, that of <see cref="AuxiliaryLoss"/> included.</summary>
    /// <param name="logitGradient"><c>[T]</c>.</param>
    void Backward(ReadOnlySpan<float> logitGradient);
}

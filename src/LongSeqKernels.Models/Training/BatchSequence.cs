namespace LongSeqKernels.Models;

/// <summary>A source that repeats batches that were made before: training on it is timed without the making of batches.</summary>
/// <param name="batches">One batch or more.</param>
public sealed class BatchSequence(IReadOnlyList<RequestBatch> batches) : IRequestBatchSource
{
    /// <inheritdoc/>
    public string Fingerprint => $"a sequence of {batches.Count} batches";

    /// <inheritdoc/>
    public RequestBatch Batch(long number) => batches[(int)(number % batches.Count)];
}

namespace LongSeqKernels.Models;

/// <summary>
/// An endless, numbered stream of training batches. A batch is a pure function of its number: the position of a training run is the number of its next
/// step, so a run that resumes needs nothing else to see the batches that an uninterrupted one would have seen.
/// </summary>
public interface IRequestBatchSource
{
    /// <summary>
    /// Names the data, the sampling options and the seed. A checkpoint keeps it, and training resumes only on a source that says the same.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>Makes batch <paramref name="number"/>. May be called ahead of training from another thread, one call at a time.</summary>
    /// <param name="number">0 or more.</param>
    RequestBatch Batch(long number);
}

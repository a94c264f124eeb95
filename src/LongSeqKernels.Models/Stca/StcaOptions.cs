namespace LongSeqKernels.Models;

/// <summary>Whether every layer has its own gated FFN over the raw history.</summary>
public enum HistoryEncoders
{
    /// <summary>Own weights in every layer.</summary>
    PerLayer,

    /// <summary>One set of weights; the encoded history is computed once and read by all layers.</summary>
    Shared,
}

/// <summary>Whether the logits of the attention depend on how many events a target sees.</summary>
public enum LogitScale
{
    /// <summary>They do not.</summary>
    Constant,

    /// <summary>
    /// They grow as ln(1 + n) for n events, and are as they are at 100: a match keeps its share of the softmax however many other events there are, also in histories
    /// longer than any that was trained on (Scalable-Softmax, arXiv 2501.19399).
    /// </summary>
    LogLength,
}

namespace LongSeqKernels.Models;

/// <summary>Whether every layer has its own gated FFN over the raw history.</summary>
public enum HistoryEncoders
{
    /// <summary>Own weights in every layer.</summary>
    PerLayer,

    /// <summary>One set of weights; the encoded history is computed once and read by all layers.</summary>
    Shared,
}

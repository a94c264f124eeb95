namespace LongSeqKernels.Models;

/// <summary>Whether a forward run keeps what a backward run needs.</summary>
internal enum PassMode
{
    /// <summary>Keeps what every layer made of the history.</summary>
    Training,

    /// <summary>Keeps nothing: layers share their memory.</summary>
    Scoring,
}

namespace LongSeqKernels.Models;

/// <summary>Targets to score for a user at a moment of the user's history.</summary>
public sealed record Request
{
    /// <summary>Number of the user in the log.</summary>
    public required int User { get; init; }

    /// <summary>The user's first so many events are the history.</summary>
    public required long HistoryLength { get; init; }

    /// <summary>Unix seconds of the request.</summary>
    public required long Time { get; init; }

    /// <summary>The items to score. In sampled requests the first is the positive.</summary>
    public required ReadOnlyMemory<int> Targets { get; init; }

    /// <summary>
    /// Popularity of each target: ln(1 + n) where others touched it n times in the last events of the pool; or empty.
    /// </summary>
    public ReadOnlyMemory<float> Popularity { get; init; }
}

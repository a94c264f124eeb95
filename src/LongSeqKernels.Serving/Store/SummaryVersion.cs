namespace LongSeqKernels.Serving;

/// <summary>A model version that a store has summaries of.</summary>
/// <param name="Version">Its name.</param>
/// <param name="Users">Number of users with a summary of it, expired ones included.</param>
public readonly record struct SummaryVersion(string Version, long Users);

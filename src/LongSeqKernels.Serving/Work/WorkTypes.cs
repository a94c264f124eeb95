namespace LongSeqKernels.Serving;

/// <summary>Consecutive users of a log that one worker summarises at a time.</summary>
/// <param name="FirstUser">Number of the first user in the log.</param>
/// <param name="Users">How many.</param>
/// <param name="Events">How many events they have.</param>
public readonly record struct UserBatch(long FirstUser, long Users, long Events);

/// <summary>A batch that a worker has claimed.</summary>
/// <param name="Run">The run.</param>
/// <param name="Job">Number of the batch in the run.</param>
/// <param name="Lease">What distinguishes this claim from earlier and later ones of the batch.</param>
/// <param name="Batch">The users.</param>
public sealed record WorkClaim(string Run, long Job, string Lease, UserBatch Batch)
{
    /// <summary>How often a batch may fail before it is left.</summary>
    public const int MaxFailures = 3;
}

/// <summary>How far a run is, over all its workers.</summary>
/// <param name="Batches">All batches.</param>
/// <param name="Done">Those that are done.</param>
/// <param name="Claimed">Those that a worker has now.</param>
/// <param name="Failed">Those that failed too often.</param>
/// <param name="Users">Users of all batches.</param>
/// <param name="UsersDone">Users of those that are done.</param>
/// <param name="Events">Events of all batches.</param>
/// <param name="EventsDone">Events of those that are done.</param>
/// <param name="EventsPerSecond">Over the last minute, of all workers together; 0 when nothing was finished.</param>
public sealed record WorkProgress(long Batches, long Done, long Claimed, long Failed, long Users, long UsersDone, long Events, long EventsDone, double EventsPerSecond)
{
    /// <summary>Whether nothing is left to claim, now or later.</summary>
    public bool IsFinished => Done + Failed == Batches;

    /// <summary>How long the rest takes at this rate; null when nobody knows.</summary>
    public TimeSpan? Remaining => IsFinished ? TimeSpan.Zero : EventsPerSecond > 0 ? TimeSpan.FromSeconds(Math.Min((Events - EventsDone) / EventsPerSecond, 1e9)) : null;
}

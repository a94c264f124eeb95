namespace LongSeqKernels.Serving;

/// <summary>What a worker does with the users of a batch.</summary>
public enum SummaryMode
{
    /// <summary>Summarises every user from the first event.</summary>
    Whole,

    /// <summary>Leaves users without new events as they are and goes on from the stored state of the others where there is one.</summary>
    Append,
}

/// <summary>How a worker summarises.</summary>
public sealed record SummaryWorkerOptions
{
    /// <summary>The run in the work table that <see cref="ISummaryWork.StartAsync"/> has started.</summary>
    public required string Run { get; init; }

    /// <summary>The version of the model, part of the records' key.</summary>
    public required string Version { get; init; }

    /// <summary>From the start or appended events only.</summary>
    public SummaryMode Mode { get; init; }

    /// <summary>
    /// With <see cref="SummaryMode.Append"/>, for summaries that cannot be gone on with: a summary of which fewer than this share of the user's events are missing is left as
    /// it is, unless <see cref="RefreshAge"/> says otherwise. 0 (every new event counts) to 1.
    /// </summary>
    public double RefreshShare { get; init; }

    /// <summary>From this age on, a summary with missing events is made anew whatever their share; null for never because of age.</summary>
    public TimeSpan? RefreshAge { get; init; }

    /// <summary>How long summaries are given out; null for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>Unix seconds of the requests that the summaries are made for: counts for models whose time gaps are counted to the request.</summary>
    public required long RequestTime { get; init; }

    /// <summary>
    /// How long a claim holds without a sign of life: the worker prolongs it every third of that. When a worker dies, others take its batch after this time. 100 ms or more.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a worker goes on trying when the database does not answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Tells when records are written and expire.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>A statement that a claim's numbers allow.</summary>
/// <param name="Holds">Whether the bar is met; null where there is none.</param>
/// <param name="Text">The statement.</param>
internal sealed record Finding(bool? Holds, string Text);

/// <summary>What a claim found.</summary>
internal sealed record ClaimOutcome
{
    /// <summary>Title of table and chart.</summary>
    public required string Title { get; init; }

    /// <summary>What was done: requests, budgets, machine state.</summary>
    public required string Conditions { get; init; }

    public required ResultTable Table { get; init; }

    /// <summary>What the columns mean.</summary>
    public required string Legend { get; init; }

    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>The chart as SVG.</summary>
    public required string Chart { get; init; }

    /// <summary>The ranking by history length of all models; null where nothing was ranked.</summary>
    public EvaluationReport? Report { get; init; }

    /// <summary>What was timed; null where nothing was.</summary>
    public IReadOnlyList<BatchingMeasurement>? Batching { get; init; }

    /// <summary>Scoring times by history length; null where nothing was scored.</summary>
    public IReadOnlyList<ScoringTime>? Times { get; init; }
}

/// <summary>The JSON of a claim: what was found, and how to repeat it.</summary>
internal sealed record ClaimDocument(
    string Command,
    RunRecord Run,
    string Log,
    string Source,
    string Conditions,
    IReadOnlyList<Finding> Findings,
    EvaluationReport? Report,
    IReadOnlyList<BatchingMeasurement>? Batching,
    IReadOnlyList<ScoringTime>? Times);

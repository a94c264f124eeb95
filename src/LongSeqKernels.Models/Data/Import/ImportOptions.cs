namespace LongSeqKernels.Models;

/// <summary>What all importers have in common.</summary>
public sealed record ImportOptions
{
    /// <summary>Stop at the first bad row instead of leaving it out.</summary>
    public bool Strict { get; init; }

    /// <summary>How many bad rows are reported one by one; the others are only counted. 0 or more.</summary>
    public int MaxIssues { get; init; } = 20;

    /// <summary>Items with fewer events are left out, before <see cref="MinUserEvents"/> is applied. 1 keeps all.</summary>
    public int MinItemEvents { get; init; } = 1;

    /// <summary>Users with fewer events are left out. 1 keeps all.</summary>
    public int MinUserEvents { get; init; } = 1;

    /// <summary>Baskets with more events are left out (a commit that touches every file); 0 keeps all.</summary>
    public int MaxBasketEvents { get; init; }

    /// <summary>Imports with more events than this are refused.</summary>
    public int MaxEvents { get; init; } = 1_000_000_000;

    /// <summary>What is reported as the source of the log; by default, the format and the names of the files.</summary>
    public string? Source { get; init; }

    /// <summary>Told the number of rows read so far, now and then.</summary>
    public IProgress<long>? Progress { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(MaxIssues);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinItemEvents, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinUserEvents, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxBasketEvents);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEvents, 1);
    }
}

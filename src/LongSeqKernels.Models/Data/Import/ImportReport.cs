namespace LongSeqKernels.Models;

/// <summary>A row that was left out.</summary>
/// <param name="File">Name of the file, or <c>standard input</c>.</param>
/// <param name="Line">Line number, from 1.</param>
/// <param name="Reason">What was wrong: which column, what it was, what it must be.</param>
public sealed record ImportIssue(string File, long Line, string Reason)
{
    /// <inheritdoc/>
    public override string ToString() => $"{File}:{Line}: {Reason}";
}

/// <summary>What an import read, kept and left out. <c>Rows = Kept + Bad + Filtered</c>.</summary>
public sealed record ImportReport
{
    /// <summary>Where the log came from.</summary>
    public required string Source { get; init; }

    /// <summary>Event rows read; headers, empty lines and rows of item tables are not counted.</summary>
    public required long Rows { get; init; }

    /// <summary>Events in the log.</summary>
    public required long Kept { get; init; }

    /// <summary>Event rows that could not be understood.</summary>
    public required long Bad { get; init; }

    /// <summary>Event rows that the options left out: large baskets, rare items, short histories.</summary>
    public required long Filtered { get; init; }

    /// <summary>Users in the log.</summary>
    public required int Users { get; init; }

    /// <summary>Items in the log.</summary>
    public required int Items { get; init; }

    /// <summary>The first bad rows, of item tables too.</summary>
    public required IReadOnlyList<ImportIssue> Issues { get; init; }

    /// <summary>Remarks: bad rows of item tables, items that no table knows, what was filtered and why.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>An imported log and how the import went.</summary>
/// <param name="Log">The log.</param>
/// <param name="Report">What was kept and left out.</param>
public sealed record ImportResult(InteractionLog Log, ImportReport Report);

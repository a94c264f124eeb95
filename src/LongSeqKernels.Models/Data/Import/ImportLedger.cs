namespace LongSeqKernels.Models;

/// <summary>Counts the rows of an import and keeps the first bad ones; stops the import at once when it is strict.</summary>
internal sealed class ImportLedger(ImportOptions options)
{
    private const int ProgressInterval = 1 << 16;
    private readonly List<ImportIssue> _issues = [];

    /// <summary>Event rows read.</summary>
    public long Rows { get; private set; }

    /// <summary>Event rows that were bad.</summary>
    public long Bad { get; private set; }

    /// <summary>Item rows that were bad.</summary>
    public long BadItems { get; private set; }

    /// <summary>The first bad rows.</summary>
    public IReadOnlyList<ImportIssue> Issues => _issues;

    /// <summary>Counts an event row.</summary>
    public void CountRow()
    {
        Rows++;
        if (Rows % ProgressInterval == 0)
        {
            options.Progress?.Report(Rows);
        }
    }

    /// <summary>Counts an event row as bad.</summary>
    /// <exception cref="InvalidDataException">The import is strict.</exception>
    public void AddBad(string file, long line, string reason)
    {
        Bad++;
        Keep(new ImportIssue(file, line, reason));
    }

    /// <summary>Counts a row of an item table as bad.</summary>
    /// <exception cref="InvalidDataException">The import is strict.</exception>
    public void AddBadItem(string file, long line, string reason)
    {
        BadItems++;
        Keep(new ImportIssue(file, line, reason));
    }

    /// <summary>Makes the log and the report.</summary>
    /// <exception cref="InvalidDataException">No events are left.</exception>
    public ImportResult Finish(InteractionLogBuilder builder, string source, params IEnumerable<string> remarks)
    {
        if (builder.EventCount == 0)
        {
            throw new InvalidDataException($"{source} has no usable events{(_issues.Count > 0 ? $": {Bad} rows are bad, the first one at {_issues[0]}" : "")}.");
        }
        var notes = new List<string>(remarks);
        var log = builder.Build(source, options, notes);
        if (BadItems > 0)
        {
            notes.Add($"{BadItems} rows of item tables are bad and were left out.");
        }
        var report = new ImportReport
        {
            Source = source,
            Rows = Rows,
            Kept = log.EventCount,
            Bad = Bad,
            Filtered = Rows - Bad - log.EventCount,
            Users = log.Users.Count,
            Items = log.ItemCount,
            Issues = _issues,
            Notes = notes,
        };
        return new ImportResult(log, report);
    }

    private void Keep(ImportIssue issue)
    {
        if (options.Strict)
        {
            throw new InvalidDataException(issue.ToString());
        }
        if (_issues.Count < options.MaxIssues)
        {
            _issues.Add(issue);
        }
    }
}

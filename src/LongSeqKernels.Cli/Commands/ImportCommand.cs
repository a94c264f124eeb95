using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk import --json</c> prints.</summary>
internal sealed record ImportDocument(string Command, string Log, long Bytes, double Seconds, ImportReport Report);

/// <summary><c>lsk import</c>: makes an interaction log of other people's files.</summary>
internal sealed class ImportCommand : LskCommand
{
    private readonly Argument<string> _format = new("format") { Description = $"What the input is: {string.Join(", ", ImportFormats.Names)}", HelpName = "format" };
    private readonly Argument<string[]> _inputs = new("input") { Description = "Files, plain or gzip; for git, repositories or saved logs; for the others also the directory of the data set", HelpName = "input", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _output = OptionOf.Text("--out", "The log to write", "file", required: true);
    private readonly Option<string[]> _itemTables = new("--items") { Description = "Tables with a row per item (category, pool)", HelpName = "file", Arity = ArgumentArity.OneOrMore };
    private readonly Option<bool> _strict = OptionOf.Flag("--strict", "Stop at the first bad row instead of leaving it out");
    private readonly Option<int> _issues = OptionOf.Integer("--max-issues", "How many bad rows are shown one by one", 10, 0);
    private readonly Option<int> _minItemEvents = OptionOf.Integer("--min-item-events", "Leave out items with fewer events", 1);
    private readonly Option<int> _minUserEvents = OptionOf.Integer("--min-user-events", "Leave out users with fewer events, after rare items", 1);
    private readonly Option<int> _maxBasketEvents = OptionOf.Integer("--max-basket-events", "Leave out baskets with more events, 0 for none", 0, 0);
    private readonly Option<string?> _source = OptionOf.Text("--source", "How the log calls its origin; default: format and file names", "text");
    private readonly ImportFormats _formats;

    public ImportCommand(CommandHost host)
        : base("import", "Make an interaction log of MovieLens, KuaiRand, TSV or CSV files or of git repositories", host)
    {
        _format.CompletionSources.Add(ImportFormats.Names);
        _format.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var format }, ..] && !ImportFormats.Names.Contains(format))
            {
                result.AddError($"format is \"{format}\"; it must be one of {string.Join(", ", ImportFormats.Names)}.");
            }
        });
        Add(_format);
        Add(_inputs);
        foreach (Option option in (Option[])[_output, _itemTables, _strict, _issues, _minItemEvents, _minUserEvents, _maxBasketEvents, _source])
        {
            Add(option);
        }
        _formats = new ImportFormats(this);
    }

    public override string Details =>
        """
        A log holds every user's events, oldest first, in one file (a safetensors container); all other commands read it.
        tsv and csv: a header names the columns user, item, time (unix seconds), and optionally label (0 to 1), action, basket, category, pool.
          Events of a basket (an order, a commit) never count as each other's history; negatives come from the positive's pool.
        movielens-csv, movielens-dat: positive from 4 stars. kuairand: positive when watched long.
        git: user = author, item = path, event = a commit that touches the path, basket = commit.
        Rows that cannot be understood are left out and reported with file and line number; --strict stops at the first.
        """;

    public override IReadOnlyList<string> Examples =>
    [
        "lsk import movielens-csv ml-latest-small/ --out movies.lsklog",
        "lsk import kuairand KuaiRand-1K/ --out videos.lsklog --min-item-events 3",
        "lsk import git ~/src/linux ~/src/git --path-depth 2 --out commits.lsklog",
        "lsk import tsv events.tsv.gz --items items.tsv.gz --category-column dir --pool-column repo --out log.lsklog",
    ];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string output = invocation.Get(_output)!;
        OutputFile.EnsureWritable(output, _output.Name);
        var clock = Stopwatch.StartNew();
        ImportResult result = terminal.Track("Importing", 0, "rows", progress =>
        {
            var options = new ImportOptions
            {
                Strict = invocation.Get(_strict),
                MaxIssues = invocation.Get(_issues),
                MinItemEvents = invocation.Get(_minItemEvents),
                MinUserEvents = invocation.Get(_minUserEvents),
                MaxBasketEvents = invocation.Get(_maxBasketEvents),
                Source = invocation.Get(_source),
                Progress = new RowCount(progress),
            };
            ImportResult imported = _formats.Import(invocation, invocation.Get(_format), invocation.Get(_inputs), invocation.Get(_itemTables) ?? [], options);
            progress.Report(imported.Report.Rows);
            return imported;
        });
        InteractionLogFile.Save(result.Log, output);
        Show(terminal, result.Report);
        LogSummary.Show(terminal, result.Log);
        long bytes = new FileInfo(output).Length;
        terminal.Line();
        terminal.Line($"Wrote {output} ({Format.Bytes(bytes)}).");
        terminal.Document(new ImportDocument(Name, output, bytes, clock.Elapsed.TotalSeconds, result.Report), Documents.Default.ImportDocument);
        return ExitCode.Success;
    }

    /// <summary>What was kept and left out, and why.</summary>
    public static void Show(Terminal terminal, ImportReport report)
    {
        terminal.Line($"{report.Source}: kept {Format.Count(report.Kept)} of {Format.Count(report.Rows, "event")}"
            + (report.Bad > 0 ? $", {Format.Count(report.Bad, "bad row")} left out" : "")
            + (report.Filtered > 0 ? $", {Format.Count(report.Filtered)} filtered" : "") + ".");
        foreach (ImportIssue issue in report.Issues)
        {
            terminal.Warning(issue.ToString());
        }
        if (report.Bad > report.Issues.Count && report.Issues.Count > 0)
        {
            terminal.Warning($"and {Format.Count(report.Bad - report.Issues.Count, "more bad row")}.");
        }
        foreach (string note in report.Notes)
        {
            terminal.Line(note);
        }
    }
}

/// <summary>Row counts as progress. Called on the importing thread, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class RowCount(IProgressSink progress) : IProgress<long>
{
    public void Report(long value) => progress.Report(value);
}

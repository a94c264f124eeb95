using System.CommandLine;
using System.Diagnostics;
using System.Text;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>
/// A command that measures one claim of the papers on a log: it trains what it needs in a directory, skips what an earlier run has finished, and writes a table as Markdown, the
/// numbers as JSON and a chart as SVG beside the models.
/// </summary>
internal abstract class ClaimCommand : LskCommand
{
    private readonly Argument<string> _log = new("log") { Description = "The interaction log" };
    private readonly Option<string?> _work;
    private readonly ComputeOptions _compute;

    protected ClaimCommand(string name, string summary, CommandHost host)
        : base(name, summary, host)
    {
        _work = OptionOf.Text("--work", $"Directory for models, checkpoints and results; default: claim-{name}", "directory");
        Add(_log);
        Add(_work);
        _compute = new ComputeOptions(this);
    }

    /// <summary>Every claim that there is a command for.</summary>
    public static IEnumerable<ClaimCommand> All(CommandHost host) =>
        [new ExtrapolationCommand(host), new BatchingCommand(host), new CapacityCommand(host), new SummariesCommand(host), new SummarisersCommand(host), new ScoringTimeCommand(host)];

    protected Option<long> Seed { get; } = OptionOf.Long("--seed", "Seed of weights, batches and test requests", 1);

    /// <summary>Measures.</summary>
    protected abstract ClaimOutcome Measure(ClaimRun run);

    /// <summary>Checks what the options say together, before any work.</summary>
    protected virtual void CheckOptions(Invocation invocation)
    {
    }

    protected sealed override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        CheckOptions(invocation);
        string logPath = invocation.Get(_log);
        InteractionLog log = InputFile.ReadLog(logPath);
        string directory = invocation.Get(_work) ?? $"claim-{Name}";
        OutputFile.EnsureDirectory(directory, _work.Name);
        var clock = Stopwatch.StartNew();
        using LongSeqContext context = _compute.CreateContext(invocation);
        terminal.Line($"{log.Source}: {Format.Count(log.EventCount, "event")} of {Format.Count(log.Users.Count, "user")}. {context.Explain()}");
        ClaimOutcome outcome = Measure(new ClaimRun(invocation, context, log, directory));
        var document = new ClaimDocument(
            Name, RunRecord.Of(invocation, _compute, context, clock.Elapsed), logPath, log.Source, outcome.Conditions, outcome.Findings, outcome.Report, outcome.Batching, outcome.Times);
        string prefix = Path.Combine(directory, Name);
        AtomicFile.WriteText(prefix + ".md", Markdown(outcome, document));
        AtomicFile.WriteText(prefix + ".json", System.Text.Json.JsonSerializer.Serialize(document, Documents.Default.ClaimDocument) + "\n");
        AtomicFile.WriteText(prefix + ".svg", outcome.Chart);
        terminal.Heading(outcome.Title);
        terminal.Line($"{log.Source}. {outcome.Conditions}");
        outcome.Table.Show(terminal);
        terminal.Line(outcome.Legend);
        foreach (Finding finding in outcome.Findings)
        {
            terminal.Line();
            if (finding.Holds is { } holds)
            {
                terminal.Verdict(holds, finding.Text);
            }
            else
            {
                terminal.Line(finding.Text);
            }
        }
        terminal.Line($"Wrote {prefix}.md, {prefix}.json and {prefix}.svg.");
        terminal.Document(document, Documents.Default.ClaimDocument);
        return ExitCode.Success;
    }

    private static string Markdown(ClaimOutcome outcome, ClaimDocument document)
    {
        var text = new StringBuilder();
        text.Append($"# {outcome.Title}\n\n");
        text.Append($"Data: {document.Source}.\n\n{outcome.Conditions}\n\n");
        text.Append(outcome.Table.ToMarkdown()).Append($"\n{outcome.Legend}\n\n");
        foreach (Finding finding in outcome.Findings)
        {
            text.Append($"- {finding.Text}\n");
        }
        text.Append('\n').Append(document.Run.ToMarkdown());
        return text.ToString();
    }
}

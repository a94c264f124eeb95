using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk evaluate --json</c> prints.</summary>
internal sealed record EvaluateDocument(string Command, string Log, IReadOnlyList<string> Models, string Chart, RunRecord Run, EvaluationReport Report);

/// <summary><c>lsk evaluate</c>: AUC and NLL by history length.</summary>
internal sealed class EvaluateCommand : LskCommand
{
    /// <summary>The windows that show how much of the past matters, a little over a factor of three apart.</summary>
    public static readonly int[] DefaultWindows = [10, 30, 100, 300, 1000, 3000, RequestBatches.AllEvents];

    private readonly Argument<string> _log = new("log") { Description = "The interaction log that the models were trained on" };
    private readonly Argument<string[]> _models = new("model") { Description = "Models, or checkpoints; the others are compared with the first", Arity = ArgumentArity.OneOrMore };
    private readonly Option<WindowList> _windows = WindowList.Option(DefaultWindows);
    private readonly Option<int> _perUser = OptionOf.Integer("--per-user", "Most test requests of one user", 80);
    private readonly Option<long> _seed = OptionOf.Long("--seed", "Seed of the test requests", 1);
    private readonly Option<bool> _noBaselines = OptionOf.Flag("--no-baselines", "Evaluate the models alone, without a logit on hand-made features, item-item co-occurrence and popularity");
    private readonly Option<string?> _chart = OptionOf.Text("--chart", "The chart to write, as SVG; default: the first model's name with .svg", "file");
    private readonly Option<string?> _table = OptionOf.Text("--table", "Also write the table, as Markdown", "file");
    private readonly Option<string?> _report = OptionOf.Text("--report", "Also write the report as JSON, with the numbers of every user", "file");
    private readonly ComputeOptions _compute;

    public EvaluateCommand(CommandHost host)
        : base("evaluate", "Measure how well models rank, by history length, and draw a chart", host)
    {
        Add(_log);
        Add(_models);
        foreach (Option option in (Option[])[_windows, _perUser, _seed, _noBaselines, _chart, _table, _report])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
        foreach (ClaimCommand claim in ClaimCommand.All(host))
        {
            Add(claim);
        }
    }

    public override string Details =>
        """
        Test requests come from the last part of every history, which training never saw. The same requests are scored at every history length.
        AUC is the share of the other items ranked below the one that the user chose (0.5 is chance), NLL the negative log of its softmax probability.
        Errors are standard errors over users, as requests of one user resemble each other.

        The commands below it measure the claims of the papers on a log: they train what they need in a directory, skip what an earlier run has finished, and write a table, the
        numbers and a chart. A log or model of the name of a command is written with its directory: ./capacity.
        """;

    public override IReadOnlyList<string> Examples =>
        ["lsk evaluate movies.lsklog movies.lskmodel", "lsk evaluate log.lsklog stca.lskmodel mean.lskmodel --table ranking.md", "lsk evaluate log.lsklog log.lskmodel --windows 10,100,1000,all --per-user 200 --chart chart.svg"];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string logPath = invocation.Get(_log);
        string[] modelPaths = invocation.Get(_models);
        string chartPath = invocation.Get(_chart) ?? Path.ChangeExtension(modelPaths[0], ".svg");
        string? tablePath = invocation.Get(_table);
        string? reportPath = invocation.Get(_report);
        foreach ((string? path, Option option) in ((string?, Option)[])[(chartPath, _chart), (tablePath, _table), (reportPath, _report)])
        {
            if (path is not null)
            {
                OutputFile.EnsureWritable(path, option.Name);
            }
        }
        var clock = Stopwatch.StartNew();
        InteractionLog log = InputFile.ReadLog(logPath);
        var models = new List<(string Path, RankingModel Model)>();
        RequestProtocol? protocol = null;
        foreach (string path in modelPaths)
        {
            RankingModel model = InputFile.ReadModel(path);
            RequestProtocol own = ModelNotes.Read(model, path, log, logPath).Protocol;
            protocol ??= own;
            if (own with { TrainMinHistory = protocol.TrainMinHistory } != protocol)
            {
                throw new Failure($"{path} is tested otherwise than {modelPaths[0]}: its requests are made by {own}, the others by {protocol}. Models are compared on the same requests.");
            }
            models.Add((path, model));
        }
        using LongSeqContext context = _compute.CreateContext(invocation);
        var run = new EvaluationRun(
            invocation.Get(_windows).Values, invocation.Get(_perUser), invocation.Get(_seed), invocation.Get(_noBaselines) ? Baselines.None : Baselines.All);
        EvaluationReport report = run.Run(terminal, context, NamedModel.Of(models), log, protocol!, invocation.Interruption);
        RunRecord record = RunRecord.Of(invocation, _compute, context, clock.Elapsed);
        AtomicFile.WriteText(chartPath, LengthChart.ToSvg(report, "Ranking by history length"));
        if (tablePath is not null)
        {
            AtomicFile.WriteText(tablePath, $"{report.Source}\n\n{EvaluationRun.Requests(report)}.\n\n{EvaluationRun.TableOf(report).ToMarkdown()}\n{EvaluationRun.Legend}\n\n{record.ToMarkdown()}");
        }
        if (reportPath is not null)
        {
            AtomicFile.WriteText(reportPath, report.ToJson());
        }
        EvaluationRun.Show(terminal, report);
        terminal.Line($"Wrote {string.Join(" and ", ((string?[])[chartPath, tablePath, reportPath]).OfType<string>())}.");
        terminal.Document(new EvaluateDocument(Name, logPath, modelPaths, chartPath, record, report), Documents.Default.EvaluateDocument);
        return ExitCode.Success;
    }
}

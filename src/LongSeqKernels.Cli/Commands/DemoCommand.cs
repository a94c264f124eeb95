using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk demo --json</c> prints.</summary>
/// <param name="Command">"demo".</param>
/// <param name="Log">The log.</param>
/// <param name="Model">The model.</param>
/// <param name="Chart">The chart.</param>
/// <param name="Seconds">Time of the whole demonstration.</param>
/// <param name="Training">How training ended.</param>
/// <param name="Evaluation">Ranking by history length.</param>
/// <param name="HistoryEvents">Events of the history that targets were scored against.</param>
/// <param name="Targets">Targets that were scored.</param>
/// <param name="Latencies">Latencies of scoring, in seconds.</param>
internal sealed record DemoDocument(
    string Command,
    string Log,
    string Model,
    string Chart,
    double Seconds,
    TrainingOutcome Training,
    EvaluationReport Evaluation,
    int HistoryEvents,
    int Targets,
    ScoreLatencies Latencies);

/// <summary><c>lsk demo</c>: the whole path in one command.</summary>
internal sealed class DemoCommand : LskCommand
{
    private readonly Option<string?> _directory = OptionOf.Text("--out", "Directory for log, model, chart and report; default: lsk-demo", "directory");
    private readonly Option<string?> _data = OptionOf.Text("--data", "A real log instead of a generated one: what 'lsk import' wrote, a TSV or CSV file, the directory of MovieLens or KuaiRand, or a git repository", "path");
    private readonly Option<int> _steps = OptionOf.Integer("--steps", "Training steps", 4000);
    private readonly Option<int> _users = OptionOf.Integer("--users", "Users of the generated log", 120);
    private readonly Option<int> _events = OptionOf.Integer("--events", "Events of each user of the generated log", 12_000, 100, 1_000_000);
    private readonly Option<long> _seed = OptionOf.Long("--seed", "Seed of log, weights, batches and test requests: the same seed gives the same files", 1);
    private readonly ComputeOptions _compute;

    public DemoCommand(CommandHost host)
        : base("demo", "Show the whole path in one command: a log, a trained model, its ranking by history length, fast scoring", host)
    {
        foreach (Option option in (Option[])[_directory, _data, _steps, _users, _events, _seed])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        Without --data the log is generated: users with long-range interests, so that the far past tells what comes next. It shows what a model can
        find, not what real histories hold. Takes under three minutes on two cores. Existing files of an earlier demonstration are replaced.
        """;

    public override IReadOnlyList<string> Examples => ["lsk demo", "lsk demo --data ~/src/linux --out linux-demo", "lsk demo --data movies.lsklog --steps 1000"];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string directory = invocation.Get(_directory) ?? "lsk-demo";
        OutputFile.EnsureDirectory(directory, _directory.Name);
        string logPath = Path.Combine(directory, "demo.lsklog");
        string modelPath = Path.Combine(directory, "demo.lskmodel");
        string chartPath = Path.Combine(directory, "demo.svg");
        var clock = Stopwatch.StartNew();
        using LongSeqContext context = _compute.CreateContext(invocation);

        terminal.Heading("1. A log");
        InteractionLog log = MakeLog(invocation);
        invocation.Interruption.ThrowIfCancellationRequested();
        InteractionLogFile.Save(log, logPath);
        terminal.Line(log.Source);
        LogSummary.Show(terminal, log);

        terminal.Heading("2. An STCA model, trained on the first 70 % of every history");
        RequestProtocol protocol = RequestProtocol.For(log) with { Negatives = 20 };
        TrainingOutcome training = Train(invocation, context, log, protocol, modelPath);
        if (!training.Completed)
        {
            throw new OperationCanceledException();
        }

        terminal.Heading("3. Ranking by history length, on the last 30 %");
        var evaluation = new EvaluationRun(EvaluateCommand.DefaultWindows, PerUser: 20, invocation.Get(_seed), Baselines.Simple);
        RankingModel model = RankingModel.Load(modelPath);
        EvaluationReport report = evaluation.Run(terminal, context, NamedModel.Of([(modelPath, model)]), log, protocol, invocation.Interruption);
        AtomicFile.WriteText(chartPath, LengthChart.ToSvg(report, "Ranking by history length"));
        EvaluationRun.Show(terminal, report);

        terminal.Heading("4. Scoring, as a ranking service does it");
        (UserScores scores, ScoreLatencies latencies) = Score(invocation, context, model, log, logPath, modelPath);
        ScoreCommand.ShowLatencies(terminal, [scores], latencies);

        terminal.Heading($"Done in {Format.Duration(clock.Elapsed)}");
        terminal.Line($"log      {logPath}   ({Format.Count(log.EventCount, "event")}{(invocation.Get(_data) is null ? ", generated" : "")})");
        terminal.Line($"model    {modelPath}   ({Format.Count(model.Parameters.Count, "weight")}, {Format.Count(training.TotalSteps, "step")})");
        terminal.Line($"chart    {chartPath}   (open it in a browser)");
        terminal.Line($"ranking  {Summary(report)}");
        terminal.Line($"latency  {Format.Count(scores.Targets.Length, "target")} against {Format.Count(scores.Events, "event")}: {Format.Time(latencies.Total.Median)} (median), {Format.Time(latencies.Score.Median)} once the history is encoded");
        terminal.Line($"Go on with: lsk score {logPath} {modelPath} --user {log.UserNames[0]}");
        terminal.Document(
            new DemoDocument(Name, logPath, modelPath, chartPath, clock.Elapsed.TotalSeconds, training, report, scores.Events, scores.Targets.Length, latencies), Documents.Default.DemoDocument);
        return ExitCode.Success;
    }

    private InteractionLog MakeLog(Invocation invocation)
    {
        if (invocation.Get(_data) is { } data)
        {
            return DataDetection.Read(data, invocation);
        }
        invocation.Terminal.Line("Generated, not real: users whose interests reach back thousands of events.");
        return SyntheticLog.Generate(new SyntheticLogOptions { Users = invocation.Get(_users), EventsPerUser = invocation.Get(_events), Seed = invocation.Get(_seed) });
    }

    private TrainingOutcome Train(Invocation invocation, LongSeqContext context, InteractionLog log, RequestProtocol protocol, string modelPath)
    {
        long seed = invocation.Get(_seed);
        int steps = invocation.Get(_steps);
        var sampling = new RequestSamplerOptions { Seed = seed, Windows = new SuffixLengths(16, 512), EventsPerBatch = 2048 };
        var config = new StcaConfig
        {
            Items = log.ItemCount,
            Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
            Actions = log.ActionCount,
            Width = 32,
            Heads = 1,
            Layers = 2,
            ScorerWidths = [32],
            ContextWidth = 1,
            Seed = seed,
        };
        StcaModel model = StcaModel.Create(config, log.ItemCategories);
        ModelNotes.Of(log, protocol, sampling).Write(model);
        var options = new TrainingOptions { LearningRate = new LearningRate(5e-3, Math.Min(50, steps), steps), Loss = TrainingLoss.SampledSoftmax };
        var trainer = new ModelTrainer(context, model, new RequestSampler(new RequestMaker(log, protocol), sampling), options);
        return new TrainingRun(trainer, modelPath, modelPath + ".checkpoint", checkpointEvery: steps).Run(invocation.Terminal, invocation.Interruption);
    }

    private static (UserScores Scores, ScoreLatencies Latencies) Score(
        Invocation invocation, LongSeqContext context, RankingModel model, InteractionLog log, string logPath, string modelPath)
    {
        const int Targets = 300;
        const int Repeat = 50;
        int user = Enumerable.Range(0, log.Users.Count).MaxBy(log.Users.Length);
        ModelNotes notes = ModelNotes.Read(model, modelPath, log, logPath);
        var scorer = new UserScorer(context, model, notes, log);
        UserScores scores = scorer.Score(user, Candidates.Popular(log, user, Targets, notes.Protocol.PoolWindow), int.MaxValue, Repeat, invocation.Interruption);
        return (scores, scorer.Latencies);
    }

    private static string Summary(EvaluationReport report)
    {
        LengthResult stca = report.Results[0];
        return string.Join(", ", stca.Windows.Where((_, i) => i % 2 == 0).Select(window => $"AUC {Format.Fixed(window.Auc.Mean, 3)} with {window.Label}"))
            + $" events; popularity {Format.Fixed(report.Results[^1].Windows[^1].Auc.Mean, 3)}";
    }
}

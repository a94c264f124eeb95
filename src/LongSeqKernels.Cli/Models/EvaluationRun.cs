using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>Which scorers models are compared with.</summary>
internal enum Baselines
{
    /// <summary>None.</summary>
    None,

    /// <summary>Popularity, and a conditional logit on hand-made features.</summary>
    Simple,

    /// <summary>Item-item co-occurrence as well, which is slow to count.</summary>
    All,
}

/// <summary>A model and what tables call it.</summary>
internal sealed record NamedModel(string Name, RankingModel Model)
{
    /// <summary>Makes what scores; by default the model's own scorer.</summary>
    public Func<LongSeqContext, IRequestScorer> Scorer { get; init; } = Model.CreateScorer;

    /// <summary>Names models of several files: by their kinds, or where two are of one kind by kind and file.</summary>
    public static IReadOnlyList<NamedModel> Of(IReadOnlyList<(string Path, RankingModel Model)> models) =>
    [
        .. models.Select(model => new NamedModel(
            models.Count(other => other.Model.Kind == model.Model.Kind) == 1 ? model.Model.Kind : $"{model.Model.Kind} ({Path.GetFileNameWithoutExtension(model.Path)})", model.Model)),
    ];
}

/// <summary>Evaluates models by history length on the test part of their log.</summary>
/// <param name="Windows">History windows, growing.</param>
/// <param name="PerUser">Most requests of one user.</param>
/// <param name="Seed">Seed of the requests.</param>
/// <param name="Baselines">What the models are compared with.</param>
internal sealed record EvaluationRun(IReadOnlyList<int> Windows, int PerUser, long Seed, Baselines Baselines)
{
    /// <summary>Most users that are tested, those with the longest histories; all by default.</summary>
    public int Users { get; init; } = int.MaxValue;

    /// <summary>Draws the requests, scores them at every window, and puts the results into a report; the models' come first, in their order.</summary>
    public EvaluationReport Run(
        Terminal terminal, LongSeqContext context, IReadOnlyList<NamedModel> models, InteractionLog log, RequestProtocol protocol, CancellationToken interruption)
    {
        var maker = new RequestMaker(log, protocol);
        IReadOnlyList<Request> requests = OfUsers(log, TestRequests.Draw(maker, PerUser, Seed));
        var evaluator = new LengthEvaluator(maker, requests, new EvaluationOptions { Windows = Windows });
        long events = Windows.Sum(window => requests.Sum(request => Math.Min(window, request.HistoryLength)));

        LengthResult Evaluate(string name, Func<int, IRequestScorer> scorer, BatchContent reads) =>
            terminal.Track($"Evaluating {name}", events, "events", sink =>
                evaluator.Evaluate(name, scorer, reads, new Share(sink, events), interruption));

        var results = new List<LengthResult>();
        foreach (NamedModel model in models)
        {
            IRequestScorer scorer = model.Scorer(context);
            results.Add(Evaluate(model.Name, _ => scorer, model.Model.Config.ContextWidth > 0 ? BatchContent.Popularity : BatchContent.None));
        }
        if (Baselines != Baselines.None)
        {
            IReadOnlyList<Request> learning = TestRequests.Draw(maker, PerUser, Seed, LogPart.Train);
            LogitBaseline logit = LogitBaseline.Fit(maker, learning, Windows, interruption);
            results.Add(Evaluate("logit", logit.ForWindow, BatchContent.Popularity));
            if (Baselines == Baselines.All)
            {
                terminal.Line("Counting which items occur together.");
                CoOccurrenceBaseline together = CoOccurrenceBaseline.Fit(maker, learning, Windows, interruption);
                results.Add(Evaluate("co-occurrence", together.ForWindow, BatchContent.Popularity));
            }
            var popularity = PopularityBaseline.Fit(learning);
            results.Add(Evaluate("popularity", _ => popularity, BatchContent.Popularity));
        }
        return evaluator.Report([.. results]);
    }

    /// <summary>Prints a report as a table, with what it means in one line.</summary>
    public static void Show(Terminal terminal, EvaluationReport report)
    {
        terminal.Line();
        terminal.Line($"{report.Source}: {Requests(report)}");
        TableOf(report).Show(terminal);
        terminal.Line(Legend);
        WindowResult first = report.Results[0].Windows[0];
        WindowResult best = report.Results[0].Windows.MaxBy(window => window.Auc.Mean)!;
        bool rises = best.AucGain.Mean > 2 * best.AucGain.Error;
        terminal.Line();
        terminal.Verdict(rises, rises
            ? $"{report.Results[0].Name}: AUC rises from {Format.Fixed(first.Auc.Mean, 3)} with {first.Label} events to {Format.Fixed(best.Auc.Mean, 3)} with {best.Label}: {Format.Signed(best.AucGain.Mean, 3)} ± {Format.Fixed(best.AucGain.Error, 3)}."
            : $"{report.Results[0].Name}: AUC does not rise with the history beyond its error bars ({Format.Fixed(first.Auc.Mean, 3)} with {first.Label} events, best {Format.Fixed(best.Auc.Mean, 3)} with {best.Label}).");
    }

    /// <summary>What was tested, in words.</summary>
    public static string Requests(EvaluationReport report) =>
        $"{Format.Count(report.Requests, "test request")} of {Format.Count(report.Users.Count, "user")}, 1 item that the user chose next against {report.Protocol.Negatives} others";

    /// <summary>What the columns of <see cref="TableOf"/> mean.</summary>
    public const string Legend =
        "AUC: share of the others ranked below the chosen item, 0.5 is chance. Gain: AUC over that of the shortest history; lead: AUC over that of the first scorer at the same history; both paired by user. ±: one standard error over users.";

    /// <summary>A report as a table: a row per scorer and history length.</summary>
    public static ResultTable TableOf(EvaluationReport report)
    {
        LengthResult reference = report.Results[0];
        var table = new ResultTable("scorer", ">history", ">AUC", "", ">gain", "", ">lead", "", ">NLL", "", ">hits in 10");
        foreach (LengthResult result in report.Results)
        {
            // A scorer that does not read the history has the same result at every length.
            bool constant = result.Windows.All(window => window.UserAuc.SequenceEqual(result.Windows[0].UserAuc) && window.UserNll.SequenceEqual(result.Windows[0].UserNll));
            for (int w = 0; w < (constant ? 1 : result.Windows.Count); w++)
            {
                WindowResult window = result.Windows[w];
                Estimate lead = result.AucOver(reference, w);
                bool any = constant && result.Windows.Count > 1;
                table.Row(
                    w == 0 ? result.Name : "",
                    any ? "any" : window.Label,
                    Format.Fixed(window.Auc.Mean, 4),
                    "± " + Format.Fixed(window.Auc.Error, 4),
                    w == 0 ? "" : Format.Signed(window.AucGain.Mean, 4),
                    w == 0 ? "" : "± " + Format.Fixed(window.AucGain.Error, 4),
                    any || result == reference ? "" : Format.Signed(lead.Mean, 4),
                    any || result == reference ? "" : "± " + Format.Fixed(lead.Error, 4),
                    Format.Fixed(window.Nll.Mean, 3),
                    "± " + Format.Fixed(window.Nll.Error, 3),
                    Format.Percent(window.HitRate10.Mean));
            }
        }
        return table;
    }

    private List<Request> OfUsers(InteractionLog log, IReadOnlyList<Request> requests)
    {
        HashSet<int> longest = [.. requests.Select(request => request.User).Distinct().OrderByDescending(log.Users.Length).ThenBy(user => user).Take(Users)];
        return [.. requests.Where(request => longest.Contains(request.User))];
    }

    /// <summary>Turns shares into events.</summary>
    private sealed class Share(IProgressSink sink, long events) : IProgress<double>
    {
        public void Report(double value) => sink.Report((long)Math.Round(value * events));
    }
}

using LongSeqKernels.Models;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>Which scorers a model is compared with.</summary>
internal enum Baselines
{
    /// <summary>None.</summary>
    None,

    /// <summary>Popularity, and a conditional logit on hand-made features.</summary>
    All,
}

/// <summary>Evaluates a model by history length on the test part of its log.</summary>
/// <param name="Windows">History windows, growing.</param>
/// <param name="PerUser">Most requests of one user.</param>
/// <param name="Seed">Seed of the requests.</param>
/// <param name="Baselines">What the model is compared with.</param>
internal sealed record EvaluationRun(IReadOnlyList<int> Windows, int PerUser, long Seed, Baselines Baselines)
{
    /// <summary>Draws the requests, scores them at every window, and puts the results into a report; the model's come first.</summary>
    public EvaluationReport Run(Terminal terminal, LongSeqContext context, RankingModel model, InteractionLog log, RequestProtocol protocol, CancellationToken interruption)
    {
        var maker = new RequestMaker(log, protocol);
        IReadOnlyList<Request> requests = TestRequests.Draw(maker, PerUser, Seed);
        var evaluator = new LengthEvaluator(maker, requests, new EvaluationOptions { Windows = Windows });
        IHistoryScorer scorerOfModel = model.CreateScorer(context);
        BatchContent content = model.Config.ContextWidth > 0 ? BatchContent.Popularity : BatchContent.None;
        long events = Windows.Sum(window => requests.Sum(request => Math.Min(window, request.HistoryLength)));

        LengthResult Evaluate(string name, Func<int, IRequestScorer> scorer, BatchContent reads) =>
            terminal.Track($"Evaluating {name}", events, "events", sink =>
                evaluator.Evaluate(name, scorer, reads, new Share(sink, events), interruption));

        var results = new List<LengthResult> { Evaluate(model.Kind, _ => scorerOfModel, content) };
        if (Baselines == Baselines.All)
        {
            IReadOnlyList<Request> learning = TestRequests.Draw(maker, PerUser, Seed, LogPart.Train);
            LogitBaseline logit = LogitBaseline.Fit(maker, learning, Windows, interruption);
            results.Add(Evaluate("logit", logit.ForWindow, BatchContent.Popularity));
            var popularity = PopularityBaseline.Fit(learning);
            results.Add(Evaluate("popularity", _ => popularity, BatchContent.Popularity));
        }
        return evaluator.Report([.. results]);
    }

    /// <summary>Prints a report as a table, with what it means in one line.</summary>
    public static void Show(Terminal terminal, EvaluationReport report)
    {
        terminal.Line();
        terminal.Line($"{report.Source}: {Format.Count(report.Requests, "test request")} of {Format.Count(report.Users.Count, "user")}, 1 item that the user chose next against {report.Protocol.Negatives} others");
        Table table = Tables.Create("scorer", ">history", ">AUC", "", ">gain", "", ">NLL", "", ">hits in 10");
        foreach (LengthResult result in report.Results)
        {
            // A scorer that does not read the history has the same result at every length.
            bool constant = result.Windows.All(window => window.UserAuc.SequenceEqual(result.Windows[0].UserAuc) && window.UserNll.SequenceEqual(result.Windows[0].UserNll));
            foreach (WindowResult window in constant ? result.Windows.Take(1) : result.Windows)
            {
                table.Row(
                    window == result.Windows[0] ? result.Name : "",
                    constant && result.Windows.Count > 1 ? "any" : window.Label,
                    Format.Fixed(window.Auc.Mean, 4),
                    "± " + Format.Fixed(window.Auc.Error, 4),
                    window == result.Windows[0] ? "" : Format.Signed(window.AucGain.Mean, 4),
                    window == result.Windows[0] ? "" : "± " + Format.Fixed(window.AucGain.Error, 4),
                    Format.Fixed(window.Nll.Mean, 3),
                    "± " + Format.Fixed(window.Nll.Error, 3),
                    Format.Percent(window.HitRate10.Mean));
            }
        }
        terminal.Write(table);
        terminal.Line("AUC: share of the others ranked below the chosen item, 0.5 is chance. Gain: AUC over that of the shortest history, paired by user. ±: one standard error over users.");
        WindowResult first = report.Results[0].Windows[0];
        WindowResult best = report.Results[0].Windows.MaxBy(window => window.Auc.Mean)!;
        bool rises = best.AucGain.Mean > 2 * best.AucGain.Error;
        terminal.Line();
        terminal.Verdict(rises, rises
            ? $"{report.Results[0].Name}: AUC rises from {Format.Fixed(first.Auc.Mean, 3)} with {first.Label} events to {Format.Fixed(best.Auc.Mean, 3)} with {best.Label}: {Format.Signed(best.AucGain.Mean, 3)} ± {Format.Fixed(best.AucGain.Error, 3)}."
            : $"{report.Results[0].Name}: AUC does not rise with the history beyond its error bars ({Format.Fixed(first.Auc.Mean, 3)} with {first.Label} events, best {Format.Fixed(best.Auc.Mean, 3)} with {best.Label}).");
    }

    /// <summary>Turns shares into events.</summary>
    private sealed class Share(IProgressSink sink, long events) : IProgress<double>
    {
        public void Report(double value) => sink.Report((long)Math.Round(value * events));
    }
}

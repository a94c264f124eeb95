using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>
/// What the claims about summaries have in common: VISTA models are trained on the same requests as an STCA model, and what counts is the share of STCA's gain of the whole history
/// over the newest events that they keep.
/// </summary>
internal abstract class SummaryClaim : ClaimCommand
{
    private readonly Option<int> _newest = OptionOf.Integer("--newest", "The newest events that the gain of the whole history is counted over", 100);
    private readonly Option<int> _window = OptionOf.Integer("--max-window", "Longest history that training reads, a multiple of 8", 2048, 64);
    private readonly Option<int> _events = OptionOf.Integer("--batch-events", "History events per step", 8192, 64);
    private readonly ClaimEvaluationOptions _evaluation;

    protected SummaryClaim(string name, string summary, CommandHost host)
        : base(name, summary, host)
    {
        foreach (Option option in (Option[])[_newest, _window, _events])
        {
            Add(option);
        }
        Shape = new ClaimModelOptions(this, steps: 1500);
        Vista = new VistaModelOptions(this);
        _evaluation = new ClaimEvaluationOptions(this, [RequestBatches.AllEvents]);
        Add(Seed);
    }

    protected ClaimModelOptions Shape { get; }

    protected VistaModelOptions Vista { get; }

    protected override void CheckOptions(Invocation invocation)
    {
        Shape.Check(invocation);
        if (invocation.Get(_window) % SuffixLengths.Granularity != 0)
        {
            throw Failure.Usage($"--max-window is {invocation.Get(_window)}; it must be a multiple of {SuffixLengths.Granularity}.");
        }
    }

    /// <summary>Trains the STCA model that the others are compared with.</summary>
    protected NamedModel TrainStca(ClaimRun run) =>
        new("STCA", run.Train("stca", Shape.Plan(run.Invocation, run.Log, Protocol(run), Sampling(run, requestsPerSegment: 4), run.Invocation.Get(Seed))));

    /// <summary>Trains a VISTA model.</summary>
    protected VistaModel TrainVista(ClaimRun run, string file, SummariserKind summariser, int tokens)
    {
        VistaModel Create() => VistaModel.Create(Vista.Config(run.Invocation, Shape.Model(run.Invocation, run.Log, run.Invocation.Get(Seed)).Config, summariser, tokens), run.Log.ItemCategories);
        // Requests of one segment see histories of several lengths, each of which would be summarised.
        return (VistaModel)run.Train(file, Shape.Plan(run.Invocation, Create, Protocol(run), Sampling(run, requestsPerSegment: 1)));
    }

    /// <summary>Ranks the same requests with all models, at the newest events and at the whole history.</summary>
    protected EvaluationReport Rank(ClaimRun run, IReadOnlyList<NamedModel> models) =>
        _evaluation.Run(run, models, Protocol(run), run.Invocation.Get(Seed), windows => [.. windows, run.Invocation.Get(_newest)]);

    /// <summary>The share of STCA's gain that a result keeps at the whole history; null when STCA does not gain beyond two errors, so that there is nothing to share.</summary>
    protected Estimate? Kept(ClaimRun run, EvaluationReport report, LengthResult result) => Gains(GainOf(run, report))
        ? PairedUsers.ShareOfGain(result.Windows[^1].UserAuc, Newest(run, report).UserAuc, report.Results[0].Windows[^1].UserAuc)
        : null;

    /// <summary>STCA with the newest events alone.</summary>
    protected WindowResult Newest(ClaimRun run, EvaluationReport report) => report.Results[0].Windows.Single(window => window.Window == run.Invocation.Get(_newest));

    /// <summary>A table of all results.</summary>
    protected ResultTable TableOf(ClaimRun run, EvaluationReport report, IReadOnlyList<long?> bytes)
    {
        var table = new ResultTable("scorer", ">bytes per user", ">AUC, newest", ">AUC, all", "", ">over STCA", "", ">share kept", "", ">NLL, all");
        int newest = report.Results[0].Windows.Index().Single(window => window.Item.Window == run.Invocation.Get(_newest)).Index;
        for (int i = 0; i < report.Results.Count; i++)
        {
            LengthResult result = report.Results[i];
            WindowResult all = result.Windows[^1];
            Estimate lead = result.AucOver(report.Results[0], result.Windows.Count - 1);
            Estimate? kept = Kept(run, report, result);
            table.Row(
                result.Name, bytes[i] is { } size ? Format.Count(size) : "", Format.Fixed(result.Windows[newest].Auc.Mean, 4), Format.Fixed(all.Auc.Mean, 4), "± " + Format.Fixed(all.Auc.Error, 4),
                i == 0 ? "" : Format.Signed(lead.Mean, 4), i == 0 ? "" : "± " + Format.Fixed(lead.Error, 4),
                kept is { } share ? Format.Percent(share.Mean) : "", kept is { } sharing ? "± " + Format.Percent(sharing.Error) : "", Format.Fixed(all.Nll.Mean, 3));
        }
        return table;
    }

    /// <summary>What was asked of which models.</summary>
    protected string Conditions(ClaimRun run, EvaluationReport report) =>
        $"{EvaluationRun.Requests(report)}. {Shape.Budget(run.Invocation)} {Vista.DescribeTokens(run.Invocation)}";

    protected string Legend(ClaimRun run) =>
        $"Newest: the last {Format.Count(run.Invocation.Get(_newest))} events. Share kept: of STCA's gain in AUC of the whole history over the newest events, paired by user, where it has one beyond two errors. ±: one standard error over users.";

    /// <summary>Whether there is a gain to keep.</summary>
    protected Finding Gain(ClaimRun run, EvaluationReport report)
    {
        Estimate gain = GainOf(run, report);
        return new Finding(Gains(gain), $"STCA gains {Format.Signed(gain.Mean, 4)} ± {Format.Fixed(gain.Error, 4)} AUC of the whole history over the newest {Format.Count(run.Invocation.Get(_newest))} events.");
    }

    private static bool Gains(Estimate gain) => gain.Mean > 2 * gain.Error;

    private Estimate GainOf(ClaimRun run, EvaluationReport report) => PairedUsers.Difference(report.Results[0].Windows[^1].UserAuc, Newest(run, report).UserAuc);

    private RequestProtocol Protocol(ClaimRun run) => Shape.Protocol(run.Invocation, run.Log);

    private RequestSamplerOptions Sampling(ClaimRun run, int requestsPerSegment) =>
        Shape.Sampling(run.Invocation, new SuffixLengths(64, run.Invocation.Get(_window)), run.Invocation.Get(_events), run.Invocation.Get(Seed), requestsPerSegment);
}

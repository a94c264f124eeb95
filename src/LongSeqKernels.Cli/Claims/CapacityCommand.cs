using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary><c>lsk evaluate capacity</c>: how ranking changes with the width and the number of layers.</summary>
internal sealed class CapacityCommand : ClaimCommand
{
    private readonly Option<NumberList> _widths = OptionOf.Integers("--widths", "Model widths", [32, 64, 128], 1, 1024);
    private readonly Option<NumberList> _layers = OptionOf.Integers("--layers", "Numbers of layers", [1, 2, 4], 1, 64);
    private readonly Option<int> _window = OptionOf.Integer("--max-window", "Longest history that training reads, a multiple of 8", 2048, 64);
    private readonly Option<int> _events = OptionOf.Integer("--batch-events", "History events per step", 8192, 64);
    private readonly ClaimModelOptions _model;
    private readonly ClaimEvaluationOptions _evaluation;

    public CapacityCommand(CommandHost host)
        : base("capacity", "Claim: wider and deeper models rank better", host)
    {
        foreach (Option option in (Option[])[_widths, _layers, _window, _events])
        {
            Add(option);
        }
        _model = new ClaimModelOptions(this, steps: 1500, ModelShape.Many);
        _evaluation = new ClaimEvaluationOptions(this, [100, 1000, RequestBatches.AllEvents]);
        Add(Seed);
    }

    public override string Details =>
        """
        Trains a model for every width and number of layers, all on the same batches, and ranks the same test requests with all of them. Differences are paired by user, over the
        narrowest and shallowest model.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate capacity log.lsklog", "lsk evaluate capacity log.lsklog --widths 32,64 --layers 1,2 --steps 500"];

    protected override void CheckOptions(Invocation invocation)
    {
        foreach (int width in invocation.Get(_widths).Values)
        {
            _model.Check(invocation, width);
        }
        if (invocation.Get(_window) % SuffixLengths.Granularity != 0)
        {
            throw Failure.Usage($"--max-window is {invocation.Get(_window)}; it must be a multiple of {SuffixLengths.Granularity}.");
        }
    }

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        Invocation invocation = run.Invocation;
        int[] widths = [.. invocation.Get(_widths).Values.Distinct().Order()];
        int[] layers = [.. invocation.Get(_layers).Values.Distinct().Order()];
        long seed = invocation.Get(Seed);
        RequestProtocol protocol = _model.Protocol(invocation, run.Log);
        RequestSamplerOptions sampling = _model.Sampling(invocation, new SuffixLengths(64, invocation.Get(_window)), invocation.Get(_events), seed);
        var models = new List<NamedModel>();
        foreach (int depth in layers)
        {
            foreach (int width in widths)
            {
                TrainingPlan plan = _model.Plan(invocation, () => _model.Model(invocation, run.Log, width, depth, seed), protocol, sampling);
                models.Add(new NamedModel($"width {width}, {Format.Count(depth, "layer")}", run.Train($"width-{width}-layers-{depth}", plan)));
            }
        }
        EvaluationReport report = _evaluation.Run(run, models, protocol, seed);
        return Outcome(report, models, widths, layers, _model.Budget(invocation));
    }

    private static ClaimOutcome Outcome(EvaluationReport report, List<NamedModel> models, int[] widths, int[] layers, string budget)
    {
        IReadOnlyList<LengthResult> results = report.Results;
        int all = results[0].Windows.Count - 1;
        var table = new ResultTable(["model", ">weights", ">outside tables", .. results[0].Windows.Select(window => $">AUC {window.Label}"), ">over the smallest", "", ">NLL"]);
        for (int i = 0; i < results.Count; i++)
        {
            Estimate lead = results[i].AucOver(results[0], all);
            ParameterSet parameters = models[i].Model.Parameters;
            table.Row(
            [
                results[i].Name, Format.Count(parameters.Count), Format.Count(parameters.DenseValues.Length), .. results[i].Windows.Select(window => Format.Fixed(window.Auc.Mean, 4)),
                i == 0 ? "" : Format.Signed(lead.Mean, 4), i == 0 ? "" : "± " + Format.Fixed(lead.Error, 4), Format.Fixed(results[i].Windows[all].Nll.Mean, 3),
            ]);
        }
        LengthResult best = results.MaxBy(result => result.Windows[all].Auc.Mean)!;
        Estimate over = best.AucOver(results[0], all);
        ChartSeries[] series =
        [
            .. layers.Select((depth, i) => new ChartSeries(Format.Count(depth, "layer"), [.. widths.Select((_, j) => results[(i * widths.Length) + j].Windows[all].Auc)])),
        ];
        return new ClaimOutcome
        {
            Title = "Capacity: ranking by width and layers",
            Conditions = $"{EvaluationRun.Requests(report)}. {budget}",
            Table = table,
            Legend = "AUC by history length at inference; over the smallest: AUC at the whole history over that of the first model, paired by user. ±: one standard error over users.",
            Findings = [new Finding(over.Mean > 2 * over.Error, $"Best at the whole history: {best.Name}, {Format.Signed(over.Mean, 4)} ± {Format.Fixed(over.Error, 4)} AUC over {results[0].Name}.")],
            Chart = new SeriesChart
            {
                Title = "Capacity: AUC at the whole history",
                Subtitle = $"{Format.Count(report.Requests)} requests of {Format.Count(report.Users.Count)} users; bars: ± 1 standard error over users, which models share",
                HorizontalLabel = "model width",
                Ticks = [.. widths.Select(width => Format.Count(width))],
                VerticalLabel = "AUC (higher is better)",
                Series = series,
                Source = report.Source,
            }.ToSvg(),
            Report = report,
        };
    }
}

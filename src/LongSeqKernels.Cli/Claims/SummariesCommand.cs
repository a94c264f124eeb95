using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary><c>lsk evaluate summaries</c>: how much of the whole history's gain summaries of so many tokens keep, and what encoding them costs (VISTA, arXiv 2510.22049).</summary>
internal sealed class SummariesCommand : SummaryClaim
{
    private const double Bar = 0.9;
    private const int BarTokens = 256;

    private static readonly (SummaryEncoding Encoding, string Name)[] Encodings = [(SummaryEncoding.Float16, "fp16"), (SummaryEncoding.Int8, "int8"), (SummaryEncoding.Int4, "int4")];

    private readonly Option<NumberList> _tokens = OptionOf.Integers("--tokens", "Tokens of a summary: a model is trained for each", [16, 64, 256, 512], 1, 4096);

    public SummariesCommand(CommandHost host)
        : base("summaries", "Claim: a summary of a few hundred tokens, also as int8, keeps most of what the whole history gains", host) => Add(_tokens);

    public override string Details =>
        """
        Trains an STCA model and a VISTA model for each number of tokens, with the same steps, and ranks the same requests: STCA with the newest events and with the whole history,
        VISTA with summaries of the whole history as they are and stored as fp16, int8 and int4.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate summaries log.lsklog", "lsk evaluate summaries log.lsklog --tokens 16,32,64,128,256,512 --steps 4000"];

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        int[] tokens = [.. run.Invocation.Get(_tokens).Values.Distinct().Order()];
        int width = Shape.Width(run.Invocation);
        var models = new List<NamedModel> { TrainStca(run) };
        var bytes = new List<long?> { null };
        foreach (int count in tokens)
        {
            VistaModel model = TrainVista(run, $"vista-{count}", SummariserKind.QuasiLinear, count);
            models.Add(new NamedModel($"{count} tokens, fp32", model));
            bytes.Add(sizeof(float) * (long)count * width);
            foreach ((SummaryEncoding encoding, string name) in Encodings)
            {
                models.Add(new NamedModel($"{count} tokens, {name}", model) { Scorer = context => new StoredSummaryScorer(context, model, encoding) });
                bytes.Add(count * (SummaryCodec.RowBytes(encoding, width) + (long)sizeof(float)));
            }
        }
        EvaluationReport report = Rank(run, models);
        var findings = new List<Finding> { Gain(run, report) };
        LengthResult? atBar = report.Results.FirstOrDefault(result => result.Name == $"{BarTokens} tokens, int8");
        if (atBar is not null)
        {
            findings.Add(Kept(run, report, atBar) is { } kept
                ? new Finding(kept.Mean >= Bar, $"{BarTokens} tokens as int8 keep {Format.Percent(kept.Mean)} ± {Format.Percent(kept.Error)} of it (bar: {Format.Percent(Bar)}).")
                : new Finding(null, $"{BarTokens} tokens as int8: there is no gain that a share could be kept of (bar: {Format.Percent(Bar)})."));
        }
        string[] encodings = ["fp32", .. Encodings.Select(encoding => encoding.Name)];
        return new ClaimOutcome
        {
            Title = "Summaries: share of the whole history's gain by tokens and encoding",
            Conditions = Conditions(run, report),
            Table = TableOf(run, report, bytes),
            Legend = Legend(run),
            Findings = findings,
            Chart = new SeriesChart
            {
                Title = "Summaries: AUC at the whole history",
                Subtitle = $"{Format.Count(report.Requests)} requests of {Format.Count(report.Users.Count)} users; bars: ± 1 standard error over users, which models share",
                HorizontalLabel = "tokens of a summary",
                Ticks = [.. tokens.Select(count => Format.Count(count))],
                VerticalLabel = "AUC (higher is better)",
                Series =
                [
                    .. encodings.Select((name, i) => new ChartSeries(name, [.. tokens.Select((_, j) => report.Results[1 + (j * encodings.Length) + i].Windows[^1].Auc)])),
                    new ChartSeries("STCA, whole history", [.. tokens.Select(_ => report.Results[0].Windows[^1].Auc)]),
                    new ChartSeries("STCA, newest events", [.. tokens.Select(_ => Newest(run, report).Auc)]),
                ],
                Source = report.Source,
            }.ToSvg(),
            Report = report,
        };
    }
}

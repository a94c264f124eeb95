using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary><c>lsk evaluate summarisers</c>: quasi-linear layers, seed pooling and sketch attention against the newest events, with equally many tokens.</summary>
internal sealed class SummarisersCommand : SummaryClaim
{
    private readonly Option<int> _tokens = OptionOf.Integer("--tokens", "Tokens of a summary", 64, 1, 4096);

    public SummarisersCommand(CommandHost host)
        : base("summarisers", "Claim: learned summaries keep more of the history than equally many of its newest events", host) => Add(_tokens);

    public override string Details =>
        """
        Trains an STCA model and a VISTA model for each way to summarise, with the same steps, and ranks the same requests with all of them.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate summarisers log.lsklog", "lsk evaluate summarisers log.lsklog --tokens 128 --steps 4000"];

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        int tokens = run.Invocation.Get(_tokens);
        var models = new List<NamedModel> { TrainStca(run) };
        foreach (Choice<SummariserKind> kind in VistaModelOptions.Summarisers)
        {
            models.Add(new NamedModel(kind.Name, TrainVista(run, $"vista-{kind.Name}-{tokens}", kind.Value, tokens)));
        }
        EvaluationReport report = Rank(run, models);
        LengthResult newest = report.Results[^1];
        var findings = new List<Finding> { Gain(run, report) };
        foreach (LengthResult result in report.Results.Skip(1).SkipLast(1))
        {
            Estimate lead = result.AucOver(newest, result.Windows.Count - 1);
            findings.Add(new Finding(lead.Mean > 2 * lead.Error, $"{result.Name}: {Format.Signed(lead.Mean, 4)} ± {Format.Fixed(lead.Error, 4)} AUC over the {Format.Count(tokens)} newest events."));
        }
        long bytes = sizeof(float) * (long)tokens * Shape.Width(run.Invocation);
        return new ClaimOutcome
        {
            Title = $"Summarisers of {Format.Count(tokens, "token")}",
            Conditions = Conditions(run, report),
            Table = TableOf(run, report, [null, .. models.Skip(1).Select(_ => (long?)bytes)]),
            Legend = Legend(run),
            Findings = findings,
            Chart = LengthChart.ToSvg(report, $"Summarisers of {Format.Count(tokens, "token")}"),
            Report = report,
        };
    }
}

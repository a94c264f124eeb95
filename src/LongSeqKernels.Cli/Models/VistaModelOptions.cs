using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>
/// The options that shape a VISTA model beside those that it shares with STCA. Defaults are what ranked best on real logs; those of <see cref="VistaConfig"/> are the paper's.
/// </summary>
internal sealed class VistaModelOptions
{
    /// <summary>The ways to summarise under the names that users write; what the others are compared with comes last.</summary>
    public static readonly IReadOnlyList<Choice<SummariserKind>> Summarisers =
    [
        new("quasi-linear", SummariserKind.QuasiLinear), new("seed-pooling", SummariserKind.SeedPooling), new("sketch", SummariserKind.Sketch), new("newest-events", SummariserKind.NewestEvents),
    ];

    private readonly Option<double> _newestShare = OptionOf.Real("--newest-share", "VISTA: share of a summary's tokens that are the newest events as they are, behind the learned ones", 0.5, 0, 0.99);
    private readonly Option<int> _candidateLayers = OptionOf.Integer("--candidate-layers", "VISTA: self-attention layers of the candidate stage", 1, 0, 64);
    private readonly Option<Choice<StateScale>> _scale = OptionOf.OneOf("--state-scale", "VISTA: factor of the quasi-linear state, by the number of rows n that it sums", StateScale.InverseRows, ("one", StateScale.One), ("1/n", StateScale.InverseRows), ("1/sqrt(n)", StateScale.InverseSquareRootOfRows));
    private readonly Option<Choice<TimeReference>> _timeReference = OptionOf.OneOf("--time-reference", "VISTA: what time gaps are counted to; summaries of one layer can be extended by new events with previous-event", TimeReference.NewestEvent, ("request", TimeReference.Request), ("newest-event", TimeReference.NewestEvent), ("previous-event", TimeReference.PreviousEvent));
    private readonly Option<double> _reconstruction = OptionOf.Real("--reconstruction-weight", "VISTA: weight of the reconstruction loss, 0 for none", 0, 0, 1000);

    public VistaModelOptions(Command command)
    {
        All = [_newestShare, _candidateLayers, _scale, _timeReference, _reconstruction];
        foreach (Option option in All)
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<Option> All { get; }

    /// <summary>What the tokens of a summary are, as a sentence of a result's conditions.</summary>
    public string DescribeTokens(Invocation invocation) => invocation.Get(_newestShare) is var share and > 0
        ? $"{Format.Percent(share)} of the tokens of a learned summary are the newest events as they are."
        : "All tokens of a learned summary are learned.";

    /// <summary>The configuration of a VISTA model with the inputs, width and depth of an STCA model.</summary>
    public VistaConfig Config(Invocation invocation, StcaConfig common, SummariserKind summariser, int tokens)
    {
        int newest = summariser == SummariserKind.NewestEvents ? 0 : (int)Math.Round(invocation.Get(_newestShare) * tokens);
        return new()
        {
            Items = common.Items,
            Categories = common.Categories,
            Actions = common.Actions,
            TimeGaps = common.TimeGaps,
            Width = common.Width,
            Heads = common.Heads,
            FfnExpansion = common.FfnExpansion,
            ScorerWidths = common.ScorerWidths,
            ContextWidth = common.ContextWidth,
            Seed = common.Seed,
            Summariser = summariser,
            Seeds = Math.Max(1, tokens - newest),
            NewestTokens = Math.Min(newest, tokens - 1),
            Layers = summariser == SummariserKind.NewestEvents ? 1 : common.Layers,
            CandidateLayers = invocation.Get(_candidateLayers),
            StateScale = invocation.Get(_scale).Value,
            TimeReference = invocation.Get(_timeReference).Value,
            ReconstructionWeight = (float)invocation.Get(_reconstruction),
        };
    }
}

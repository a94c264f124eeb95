using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Small configurations, one for each switch.</summary>
internal static class VistaCases
{
    public static VistaConfig Default { get; } = new()
    {
        Items = 23,
        Categories = 5,
        Actions = 3,
        TimeGaps = new TimeBuckets(12),
        Width = 8,
        Heads = 2,
        Layers = 3,
        Seeds = 3,
        ScorerWidths = [6],
        ContextWidth = 2,
        Seed = 7,
    };

    /// <summary>Every switch away from its default.</summary>
    public static IEnumerable<TestCaseData> Configurations() => Named().Select(named => new TestCaseData(named.Config).SetArgDisplayNames(named.Name));

    /// <summary>Every kind of summariser.</summary>
    public static IEnumerable<VistaConfig> Summarisers() => [Default, Default with { SeedsVisible = false, StateScale = StateScale.InverseRows }];

    private static (string Name, VistaConfig Config)[] Named() =>
    [
        ("Defaults", Default),
        ("OneLayer", Default with { Layers = 1 }),
        ("ShiftedElu", Default with { RowActivation = LinearActivation.ShiftedElu, StateActivation = LinearActivation.Identity }),
        ("MeanState", Default with { StateScale = StateScale.InverseRows }),
        ("RootState", Default with { StateScale = StateScale.InverseSquareRootOfRows }),
        ("NoAttentionNorm", Default with { AttentionLayerNorm = false, StateScale = StateScale.InverseRows }),
        ("NormalisedResidual", Default with { Residual = ResidualSource.NormalisedInput }),
        ("NoGatedFfn", Default with { GatedFfn = false }),
        ("HiddenSeeds", Default with { SeedsVisible = false }),
        ("HiddenSeedsMeanState", Default with { SeedsVisible = false, StateScale = StateScale.InverseRows }),
        ("NoCandidateLayers", Default with { CandidateLayers = 0 }),
        ("OneCandidateLayer", Default with { CandidateLayers = 1 }),
        ("SiluScore", Default with { Score = AttentionScore.Silu }),
        ("NoOutputNorm", Default with { OutputLayerNorm = false }),
        ("GapsToRequest", Default with { TimeReference = TimeReference.Request }),
        ("GapsToPreviousEvent", Default with { TimeReference = TimeReference.PreviousEvent }),
        ("NoNormAffine", Default with { NormAffine = false }),
        ("Biases", Default with { Biases = true }),
        ("ItemsOnly", Default with { Categories = 0, Actions = 1, TimeGaps = null, ContextWidth = 0 }),
        ("GatedActionFusion", Default with { ActionFusion = ActionFusion.GatedFfn }),
    ];

    public static VistaModel Model(VistaConfig config) => VistaModel.Create(config, StcaCases.Categories(config));

    /// <inheritdoc cref="StcaCases.PerturbedModel"/>
    public static VistaModel PerturbedModel(VistaConfig config)
    {
        VistaModel model = Model(config);
        StcaCases.Perturb(model.Parameters, config.Seed);
        return model;
    }
}

using System.Numerics.Tensors;
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

    private static VistaConfig Pooling { get; } = Default with { Summariser = SummariserKind.SeedPooling, Layers = 2 };

    private static VistaConfig Sketch { get; } = Default with { Summariser = SummariserKind.Sketch, Layers = 2 };

    private static VistaConfig Newest { get; } = Default with { Summariser = SummariserKind.NewestEvents, Layers = 1, Seeds = 5 };

    private static VistaConfig Reconstructing { get; } = Default with { ReconstructionWeight = 0.7f, ReconstructionTargets = ReconstructionTargets.Trained };

    /// <summary>Every switch away from its default.</summary>
    public static IEnumerable<TestCaseData> Configurations() => Named().Select(named => new TestCaseData(named.Config).SetArgDisplayNames(named.Name));

    /// <summary>Every kind of summariser.</summary>
    public static IEnumerable<TestCaseData> Summarisers() =>
        Named().Where(named => named.Name is "Defaults" or "HiddenSeedsMeanState" or "Pooling" or "Sketch" or "SketchMeans" or "NewestEvents" or "QuasiLinearAndNewestEvents")
            .Select(named => new TestCaseData(named.Config).SetArgDisplayNames(named.Name));

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
        ("Pooling", Pooling),
        ("PoolingOneLayer", Pooling with { Layers = 1 }),
        ("PoolingBiases", Pooling with { Biases = true }),
        ("Sketch", Sketch),
        ("SketchOneLayer", Sketch with { Layers = 1 }),
        ("SketchOfProjectedValues", Sketch with { SketchValues = SketchValues.Projected }),
        ("SketchMeans", Sketch with { SketchNormalization = SlotNormalization.Mass }),
        ("NewestEvents", Newest),
        ("QuasiLinearAndNewestEvents", Default with { NewestTokens = 4 }),
        ("PoolingAndNewestEvents", Pooling with { NewestTokens = 2 }),
        ("Reconstruction", Reconstructing),
        ("ReconstructionOfNewestEvents", Reconstructing with { Summariser = SummariserKind.NewestEvents, Layers = 1, ReconstructionEvents = 4, Biases = true }),
        ("GatedActionFusion", Default with { ActionFusion = ActionFusion.GatedFfn }),
    ];

    public static VistaModel Model(VistaConfig config) => VistaModel.Create(config, StcaCases.Categories(config));

    /// <summary>
    /// As <see cref="StcaCases.PerturbedModel"/>, with large seeds: what short histories leave in a state is otherwise so small that the norm behind it bends within a step
    /// of finite differences.
    /// </summary>
    public static VistaModel PerturbedModel(VistaConfig config)
    {
        VistaModel model = Model(config);
        foreach (Parameter seeds in model.Parameters.Parameters.Where(parameter => parameter.Name == "seeds"))
        {
            TensorPrimitives.Multiply(seeds.Values, 5, seeds.Values);
        }
        StcaCases.Perturb(model.Parameters, config.Seed);
        return model;
    }
}

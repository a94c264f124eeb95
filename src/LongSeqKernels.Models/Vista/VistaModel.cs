namespace LongSeqKernels.Models;

/// <summary>
/// A VISTA model (arXiv 2510.22049): stage 1 summarises a history into a fixed number of tokens, which can be cached; stage 2 scores candidates that attend to them, at a
/// cost that does not depend on the history.
/// </summary>
public sealed class VistaModel : RankingModel
{
    private VistaModel(VistaConfig config, int[] itemCategories)
        : base(config, itemCategories)
    {
        Config = config;
        Tokens = new TokenEncoder(Parameters, config, itemCategories);
        Summariser = Summariser.Make(Parameters, config);
        Candidates = new CandidateStage(Parameters, config);
        Scorer = new ScorerHead(Parameters, "scorer", config);
        Reconstruction = config.ReconstructionWeight > 0 ? new Reconstruction(Parameters, config) : null;
    }

    /// <summary>The architecture.</summary>
    public override VistaConfig Config { get; }

    /// <summary>How files of this kind are read.</summary>
    internal static ModelKind FileKind { get; } =
        new("VISTA", "longseqkernels.vista.1", VistaConfig.FromJson, (config, itemCategories) => new VistaModel((VistaConfig)config, itemCategories));

    internal override ModelKind FileFormat => FileKind;

    internal TokenEncoder Tokens { get; }

    internal Summariser Summariser { get; }

    internal CandidateStage Candidates { get; }

    internal ScorerHead Scorer { get; }

    internal Reconstruction? Reconstruction { get; }

    /// <summary>Makes a model with initial weights, which depend on the configuration and its seed alone.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="itemCategories">Category of each item <c>[Items]</c>; empty when the configuration has no categories.</param>
    /// <exception cref="ArgumentException">The configuration or the categories are out of range.</exception>
    public static VistaModel Create(VistaConfig config, ReadOnlyMemory<int> itemCategories = default)
    {
        var model = new VistaModel(config, itemCategories.ToArray());
        model.Initialise();
        return model;
    }

    /// <summary>Reads a VISTA model from a safetensors file, also from a checkpoint of its training.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or holds something else; the message says what was and what must be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static new VistaModel Load(string path) => LoadAs<VistaModel>(path, FileKind);

    /// <inheritdoc/>
    public override VistaScorer CreateScorer(LongSeqContext context) => new(context, this);

    internal override VistaPass CreateTrainingPass(LongSeqContext context) => new(context, this, PassMode.Training);

    private void Initialise()
    {
        long stream = 0;
        RandomStream Next() => new(Config.Seed, stream++);
        Tokens.Initialise(Next());
        Summariser.Initialise(Next());
        Candidates.Initialise(Next());
        Scorer.Initialise(Next());
        Reconstruction?.Initialise(Next());
        Parameters.MarkChanged();
    }
}

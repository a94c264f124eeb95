namespace LongSeqKernels.Models;

/// <summary>
/// A VISTA model (arXiv 2510.22049): stage 1 summarises a history into a fixed number of tokens, stage 2 scores candidates that attend to them.
/// </summary>
public sealed class VistaModel
{
    private readonly int[] _itemCategories;

    private VistaModel(VistaConfig config, int[] itemCategories)
    {
        config.Validate();
        Config = config;
        _itemCategories = itemCategories;
        Parameters = new ParameterSet();
        Tokens = new TokenEncoder(Parameters, config, itemCategories);
        Summariser = new QuasiLinearSummariser(Parameters, config);
        Candidates = new CandidateStage(Parameters, config);
        Scorer = new ScorerHead(Parameters, "scorer", config);
    }

    /// <summary>The architecture.</summary>
    public VistaConfig Config { get; }

    /// <summary>The weights and their gradients.</summary>
    public ParameterSet Parameters { get; }

    internal TokenEncoder Tokens { get; }

    internal Summariser Summariser { get; }

    internal CandidateStage Candidates { get; }

    internal ScorerHead Scorer { get; }

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

    private void Initialise()
    {
        long stream = 0;
        RandomStream Next() => new(Config.Seed, stream++);
        Tokens.Initialise(Next());
        Summariser.Initialise(Next());
        Candidates.Initialise(Next());
        Scorer.Initialise(Next());
        Parameters.MarkChanged();
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// The baseline without attention, in the manner of YouTube's recommender (Covington et al. 2016): the history is the mean of its tokens, whatever the target, and
/// <c>logit = MLP([mean * x_t | x_t | context])</c>. Its tokens are those of STCA: item, category, action, time gap.
/// </summary>
public sealed class MeanPoolingModel : RankingModel
{
    private MeanPoolingModel(MeanPoolingConfig config, int[] itemCategories)
        : base(config, itemCategories)
    {
        Config = config;
        Tokens = new TokenEncoder(Parameters, config, itemCategories);
        Scorer = new ScorerHead(Parameters, "scorer", config);
    }

    /// <inheritdoc/>
    public override MeanPoolingConfig Config { get; }

    /// <summary>How files of this kind are read.</summary>
    internal static ModelKind FileKind { get; } = new(
        "mean pooling", "longseqkernels.mean-pooling.1", MeanPoolingConfig.FromJson, (config, itemCategories) => new MeanPoolingModel((MeanPoolingConfig)config, itemCategories));

    internal override ModelKind FileFormat => FileKind;

    internal TokenEncoder Tokens { get; }

    internal ScorerHead Scorer { get; }

    /// <summary>Makes a model with initial weights, which depend on the configuration and its seed alone.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="itemCategories">Category of each item <c>[Items]</c>; empty when the configuration has no categories.</param>
    /// <exception cref="ArgumentException">The configuration or the categories are out of range.</exception>
    public static MeanPoolingModel Create(MeanPoolingConfig config, ReadOnlyMemory<int> itemCategories = default)
    {
        var model = new MeanPoolingModel(config, itemCategories.ToArray());
        model.Tokens.Initialise(new RandomStream(config.Seed, 0));
        model.Scorer.Initialise(new RandomStream(config.Seed, 1));
        model.Parameters.MarkChanged();
        return model;
    }

    /// <inheritdoc/>
    public override IHistoryScorer CreateScorer(LongSeqContext context) => new MeanPoolingScorer(context, this);

    internal override MeanPoolingPass CreateTrainingPass(LongSeqContext context) => new(context, this);
}

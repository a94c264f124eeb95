namespace LongSeqKernels.Models;

/// <summary>
/// An STCA model: stacked target-to-history cross attention (arXiv 2511.06077).
/// </summary>
public sealed class StcaModel : RankingModel
{
    private StcaModel(StcaConfig config, int[] itemCategories)
        : base(config, itemCategories)
    {
        Config = config;
        Tokens = new TokenEncoder(Parameters, config, itemCategories);
        int layers = config.Layers;
        HistoryEncoders = new GatedFfnLayer[config.HistoryEncoders == Models.HistoryEncoders.Shared ? 1 : layers];
        QueryEncoders = new GatedFfnLayer[layers];
        Attention = new AttentionLayer[layers];
        Fusions = new LinearLayer[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            if (layer < HistoryEncoders.Length)
            {
                HistoryEncoders[layer] = new GatedFfnLayer(Parameters, $"history.{layer}", config, FfnNorm.LayerNorm);
            }
            FfnNorm queryNorm = layer == 0 || config.FusionLayerNorm ? FfnNorm.LayerNorm : FfnNorm.None;
            QueryEncoders[layer] = new GatedFfnLayer(Parameters, $"query.{layer}", config, queryNorm);
            Attention[layer] = new AttentionLayer(Parameters, $"attention.{layer}", config);
            var inputs = new int[layer + 2];
            Array.Fill(inputs, config.Width);
            Fusions[layer] = new LinearLayer(Parameters, $"fusion.{layer}", inputs, config.Width, config.Biases);
        }
        OutputEncoder = new GatedFfnLayer(Parameters, "output", config, config.OutputLayerNorm ? FfnNorm.LayerNorm : FfnNorm.None);
        Scorer = new ScorerHead(Parameters, "scorer", config);
    }

    /// <summary>The architecture.</summary>
    public override StcaConfig Config { get; }

    /// <summary>How files of this kind are read.</summary>
    internal static ModelKind FileKind { get; } =
        new("STCA", "longseqkernels.stca.1", StcaConfig.FromJson, (config, itemCategories) => new StcaModel((StcaConfig)config, itemCategories));

    internal override ModelKind FileFormat => FileKind;

    internal TokenEncoder Tokens { get; }

    /// <summary>One per layer, or a single one for all.</summary>
    internal GatedFfnLayer[] HistoryEncoders { get; }

    internal GatedFfnLayer[] QueryEncoders { get; }

    internal AttentionLayer[] Attention { get; }

    /// <summary>Entry i fuses the outputs of layers 0 .. i and the target: into the query of layer i + 1, the last one into z.</summary>
    internal LinearLayer[] Fusions { get; }

    internal GatedFfnLayer OutputEncoder { get; }

    internal ScorerHead Scorer { get; }

    /// <summary>Makes a model with initial weights, which depend on the configuration and its seed alone.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="itemCategories">Category of each item <c>[Items]</c>; empty when the configuration has no categories.</param>
    /// <exception cref="ArgumentException">The configuration or the categories are out of range.</exception>
    public static StcaModel Create(StcaConfig config, ReadOnlyMemory<int> itemCategories = default)
    {
        var model = new StcaModel(config, itemCategories.ToArray());
        model.Initialise();
        return model;
    }

    /// <summary>Reads an STCA model from a safetensors file, also from a checkpoint of its training.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or holds something else; the message says what was and what must be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static new StcaModel Load(string path) => LoadAs<StcaModel>(path, FileKind);

    /// <inheritdoc/>
    public override StcaScorer CreateScorer(LongSeqContext context) => new(context, this);

    internal override StcaPass CreateTrainingPass(LongSeqContext context) => new(context, this, PassMode.Training);

    // The query path starts as a mirror of the history's (same FFN, same projection, fusion that passes the target through): a logit starts as the similarity of
    // target and event, and attention can tell the target's own past from the rest before anything was learned.
    private void Initialise()
    {
        long stream = 0;
        RandomStream Next() => new(Config.Seed, stream++);
        Tokens.Initialise(Next());
        for (int layer = 0; layer < Config.Layers; layer++)
        {
            GatedFfnLayer history = HistoryEncoders[Math.Min(layer, HistoryEncoders.Length - 1)];
            if (layer < HistoryEncoders.Length)
            {
                history.Initialise(Next());
            }
            QueryEncoders[layer].Initialise(Next());
            QueryEncoders[layer].StartAs(history);
            Attention[layer].Initialise(Next());
            Initialisation.KeepSize(Fusions[layer].Weight, Next());
            if (layer < Config.Layers - 1)
            {
                Span<float> target = Fusions[layer].Block(layer + 1);
                target.Clear();
                for (int i = 0; i < Config.Width; i++)
                {
                    target[(i * Config.Width) + i] = 1;
                }
            }
        }
        OutputEncoder.Initialise(Next());
        OutputEncoder.StartAsSquares();
        Scorer.Initialise(Next());
        Parameters.MarkChanged();
    }
}

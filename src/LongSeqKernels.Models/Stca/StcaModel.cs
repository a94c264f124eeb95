namespace LongSeqKernels.Models;

/// <summary>
/// An STCA model: stacked target-to-history cross attention (arXiv 2511.06077). Holds the configuration, the weights and what runs over them; the weights may be
/// read by any number of scorers at the same time, and written by one trainer at a time.
/// </summary>
public sealed class StcaModel
{
    private readonly int[] _itemCategories;

    private StcaModel(StcaConfig config, int[] itemCategories)
    {
        config.Validate();
        CheckCategories(config, itemCategories);
        Config = config;
        _itemCategories = itemCategories;
        Parameters = new ParameterSet();
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
    public StcaConfig Config { get; }

    /// <summary>The weights and their gradients.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Category of each item, or empty.</summary>
    public ReadOnlyMemory<int> ItemCategories => _itemCategories;

    /// <summary>Strings that are stored with the model, for whoever needs to know more of it (the data it was trained on, what its context features are).</summary>
    public IDictionary<string, string> Notes { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

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

    /// <summary>Reads a model from a safetensors file, also from a checkpoint of its training.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or holds something else; the message says what was and what must be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static StcaModel Load(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return StcaModelFile.Read(file);
    }

    /// <summary>Writes configuration, weights, item categories and notes as one safetensors file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; an older file of that name is intact.</exception>
    public void Save(string path)
    {
        var writer = new SafetensorsWriter();
        StcaModelFile.Add(writer, this);
        writer.Save(path);
    }

    /// <summary>A model whose weights are all 0, to be filled from a file.</summary>
    internal static StcaModel CreateEmpty(StcaConfig config, int[] itemCategories) => new(config, itemCategories);

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

    private static void CheckCategories(StcaConfig config, ReadOnlySpan<int> itemCategories)
    {
        if (itemCategories.Length != (config.Categories == 0 ? 0 : config.Items))
        {
            throw Error.Length(nameof(itemCategories), itemCategories.Length, config.Categories == 0 ? 0 : config.Items, "one per item when the model has categories, else none");
        }
        for (int item = 0; item < itemCategories.Length; item++)
        {
            if ((uint)itemCategories[item] >= (uint)config.Categories)
            {
                throw Error.Range($"{nameof(itemCategories)}[{item}]", itemCategories[item], $"from 0 to {config.Categories - 1}");
            }
        }
    }
}

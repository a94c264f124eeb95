namespace LongSeqKernels.Models;

/// <summary>
/// A trained or trainable model that ranks targets for a user's history. Holds the configuration, the weights and notes; the weights may be read by any number of scorers
/// at the same time, and written by one trainer at a time.
/// </summary>
public abstract class RankingModel
{
    private readonly int[] _itemCategories;

    private protected RankingModel(ModelConfig config, int[] itemCategories)
    {
        config.Validate();
        CheckCategories(config, itemCategories);
        _itemCategories = itemCategories;
        Parameters = new ParameterSet();
    }

    /// <summary>The kind of model, as people know it: STCA, for instance.</summary>
    public string Kind => FileFormat.Name;

    /// <summary>The architecture.</summary>
    public abstract ModelConfig Config { get; }

    /// <summary>The weights and their gradients.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Category of each item, or empty.</summary>
    public ReadOnlyMemory<int> ItemCategories => _itemCategories;

    /// <summary>Strings that are stored with the model, for whoever needs to know more of it (the data it was trained on, what its context features are).</summary>
    public IDictionary<string, string> Notes { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>How the model is stored.</summary>
    internal abstract ModelKind FileFormat { get; }

    /// <summary>Reads a model of any kind from a safetensors file, also from a checkpoint of its training.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or holds something else; the message says what was and what must be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RankingModel Load(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return ModelFile.Read(file);
    }

    /// <summary>Writes configuration, weights, item categories and notes as one safetensors file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; an older file of that name is intact.</exception>
    public void Save(string path)
    {
        var writer = new SafetensorsWriter();
        ModelFile.Add(writer, this);
        writer.Save(path);
    }

    /// <summary>A scorer of this model; training the model changes later scores.</summary>
    /// <param name="context">Where to run.</param>
    public abstract IHistoryScorer CreateScorer(LongSeqContext context);

    /// <summary>What a trainer runs.</summary>
    /// <param name="context">Where to run.</param>
    internal abstract ITrainingPass CreateTrainingPass(LongSeqContext context);

    /// <summary>Reads a model that must be of one kind.</summary>
    private protected static TModel LoadAs<TModel>(string path, ModelKind kind)
        where TModel : RankingModel
    {
        RankingModel model = Load(path);
        return model as TModel ?? throw new InvalidDataException($"{path} holds a model of the kind {model.Kind}; it must be of the kind {kind.Name}.");
    }

    private static void CheckCategories(ModelConfig config, ReadOnlySpan<int> itemCategories)
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

using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LongSeqKernels.Models;

/// <summary>What the architectures of all models have in common: their inputs, their width, the layers they are made of and the scorer. Immutable.</summary>
public abstract record ModelConfig
{
    /// <summary>Number of items.</summary>
    public required int Items { get; init; }

    /// <summary>Number of item categories; 0 for none. An item's token is then the sum of its own embedding and its category's.</summary>
    public int Categories { get; init; }

    /// <summary>Kinds of action of an event; 1 means that actions are not told apart and have no embedding.</summary>
    public int Actions { get; init; } = 1;

    /// <summary>How an event's action enters its token.</summary>
    public ActionFusion ActionFusion { get; init; }

    /// <summary>Buckets of the time gap of an event, embedded and added to its token; null for no such feature.</summary>
    public TimeBuckets? TimeGaps { get; init; } = new TimeBuckets(48);

    /// <summary>Model width D.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Heads H, a divisor of <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Hidden width of the gated FFNs over <see cref="Width"/>: r.</summary>
    public int FfnExpansion { get; init; } = 2;

    /// <summary>Widths of the hidden layers of the scorer.</summary>
    public IReadOnlyList<int> ScorerWidths { get; init; } = [64];

    /// <summary>Dense features of a target beside its item, which only the scorer reads; 0 for none.</summary>
    public int ContextWidth { get; init; }

    /// <summary>Gain and bias in the layer norms.</summary>
    public bool NormAffine { get; init; } = true;

    /// <summary>Biases in the gated FFNs, the attention's projections and the fusions. The scorer always has them.</summary>
    public bool Biases { get; init; }

    /// <summary>Seed of the initial weights.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Standard deviation of the initial item embeddings.</summary>
    public float EmbeddingScale { get; init; } = 0.5f;

    /// <summary>Width of one head.</summary>
    public int HeadWidth => Width / Heads;

    /// <summary>Hidden width of the gated FFNs.</summary>
    public int HiddenWidth => Width * FfnExpansion;

    /// <summary>The architecture in a few words: layers, widths, heads.</summary>
    public abstract string Summary { get; }

    /// <summary>Checks every member.</summary>
    /// <exception cref="ArgumentException">A member is out of range or contradicts another.</exception>
    public virtual void Validate()
    {
        AtLeast(Items, 1);
        AtLeast(Categories, 0);
        Check.Width(Actions);
        Check.Defined(ActionFusion);
        TimeGaps?.Validate();
        Check.Width(Width);
        Check.Width(Heads);
        if (Width % Heads != 0)
        {
            throw Error.Range(nameof(Heads), Heads, $"a divisor of {nameof(Width)} ({Width})");
        }
        Check.Width(FfnExpansion);
        Check.Width(HiddenWidth);
        Check.Width(ScorerWidths.Count);
        for (int i = 0; i < ScorerWidths.Count; i++)
        {
            Check.Width(ScorerWidths[i], $"{nameof(ScorerWidths)}[{i}]");
        }
        if (ContextWidth is < 0 or > Check.MaxWidth)
        {
            throw Error.Range(nameof(ContextWidth), ContextWidth, $"from 0 to {Check.MaxWidth}");
        }
        Check.FinitePositive(EmbeddingScale);
    }

    /// <summary>The configuration as JSON, as it is stored with the weights.</summary>
    public abstract string ToJson();

    private protected static T FromJson<T>(string json, JsonTypeInfo<T> type)
        where T : ModelConfig
    {
        try
        {
            T config = JsonSerializer.Deserialize(json, type) ?? throw new InvalidDataException("The model configuration is null; it must be a JSON object.");
            config.Validate();
            return config;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"The model configuration cannot be used: {exception.Message}", exception);
        }
    }

    private static void AtLeast(int value, int minimum, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(value))] string argument = "")
    {
        if (value < minimum)
        {
            throw Error.Range(argument, value, $"{minimum} or more");
        }
    }
}

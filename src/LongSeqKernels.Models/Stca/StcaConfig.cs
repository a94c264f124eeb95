using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// The architecture of an STCA model (stacked target-to-history cross attention, arXiv 2511.06077, section 3.1). Immutable; it is stored with the weights.
/// Every choice that the paper leaves open is a member here, with the paper's most likely reading as its default. Time gaps are those between event and request.
/// </summary>
public sealed record StcaConfig : ModelConfig
{
    /// <summary>Layers M.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Layer norm on the fused queries of layers 2 and up; that of the first layer always has one.</summary>
    public bool FusionLayerNorm { get; init; } = true;

    /// <summary>One history encoder per layer, or one for all.</summary>
    public HistoryEncoders HistoryEncoders { get; init; }

    /// <summary>Layer norm on z, the output of the attention stack.</summary>
    public bool OutputLayerNorm { get; init; }

    /// <summary>What turns logits into weights of the history's events.</summary>
    public AttentionScore Score { get; init; }

    /// <summary>Whether logits grow with the history.</summary>
    public LogitScale LogitScale { get; init; }

    /// <summary>Which form of the attention runs. <see cref="AttentionForm.Auto"/> is a pure function of the batch's shape, so runs stay reproducible.</summary>
    public AttentionForm Attention { get; init; }

    /// <inheritdoc/>
    public override string Summary => $"{Layers} layer{(Layers == 1 ? "" : "s")}, width {Width}, {Heads} head{(Heads == 1 ? "" : "s")}";

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Check.Width(Layers);
        Check.Defined(HistoryEncoders);
        Check.Defined(Score);
        Check.Defined(LogitScale);
        Check.Defined(Attention);
    }

    /// <inheritdoc/>
    public override string ToJson() => JsonSerializer.Serialize(this, ModelJson.Stca);

    /// <summary>Reads a configuration that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The text is not JSON, has an unknown or ill-typed member, or says something that <see cref="ModelConfig.Validate"/> rejects.</exception>
    public static StcaConfig FromJson(string json) => FromJson(json, ModelJson.Stca);
}

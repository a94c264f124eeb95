using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// The architecture of a <see cref="MeanPoolingModel"/>: the common part alone. Of that, <see cref="ModelConfig.Heads"/>, <see cref="ModelConfig.NormAffine"/> and, unless actions go
/// through a gated FFN, <see cref="ModelConfig.FfnExpansion"/> and <see cref="ModelConfig.Biases"/> mean nothing here.
/// </summary>
public sealed record MeanPoolingConfig : ModelConfig
{
    /// <inheritdoc/>
    public override string Summary => $"width {Width}";

    /// <inheritdoc/>
    public override string ToJson() => JsonSerializer.Serialize(this, ModelJson.MeanPooling);

    /// <summary>Reads a configuration that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The text is not JSON, has an unknown or ill-typed member, or says something that <see cref="ModelConfig.Validate"/> rejects.</exception>
    public static MeanPoolingConfig FromJson(string json) => FromJson(json, ModelJson.MeanPooling);
}

namespace LongSeqKernels.Models;

/// <summary>A kind of model: what its files say, and how they become a model again.</summary>
/// <param name="Name">As people know it.</param>
/// <param name="Format">What the files' metadata say; a new one whenever the meaning of the tensors changes.</param>
/// <param name="ReadConfig">Reads a checked configuration from JSON, or throws <see cref="InvalidDataException"/>.</param>
/// <param name="CreateEmpty">Makes a model of that configuration whose weights are all 0, to be filled from the file.</param>
internal sealed record ModelKind(string Name, string Format, Func<string, ModelConfig> ReadConfig, Func<ModelConfig, int[], RankingModel> CreateEmpty)
{
    /// <summary>Every kind that there is.</summary>
    public static IReadOnlyList<ModelKind> All { get; } = [StcaModel.FileKind, VistaModel.FileKind, MeanPoolingModel.FileKind];
}

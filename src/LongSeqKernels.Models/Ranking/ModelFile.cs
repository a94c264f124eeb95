namespace LongSeqKernels.Models;

/// <summary>
/// How a model is stored as safetensors: one fp32 tensor for each parameter under its own name, the item categories as <c>item_categories</c>, the configuration as
/// JSON in the metadata under <c>config</c>, notes under <c>note.*</c>.
/// </summary>
internal static class ModelFile
{
    private const string FormatKey = "format";
    private const string ConfigKey = "config";
    private const string NotePrefix = "note.";
    private const string CategoriesName = "item_categories";

    public static void Add(SafetensorsWriter writer, RankingModel model)
    {
        writer.SetMetadata(FormatKey, model.FileFormat.Format);
        writer.SetMetadata(ConfigKey, model.Config.ToJson());
        foreach ((string key, string value) in model.Notes)
        {
            writer.SetMetadata(NotePrefix + key, value);
        }
        if (!model.ItemCategories.IsEmpty)
        {
            writer.Add(CategoriesName, model.ItemCategories, model.ItemCategories.Length);
        }
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            writer.Add<float>(parameter.Name, model.Parameters.DenseMemory.Slice(parameter.Start, parameter.Length), Extents(parameter));
        }
        foreach (EmbeddingTable table in model.Parameters.Tables)
        {
            writer.Add<float>(table.Name, table.Storage, table.Rows, table.Width);
        }
    }

    public static RankingModel Read(SafetensorsFile file)
    {
        ModelKind kind = ReadKind(file);
        if (!file.Metadata.TryGetValue(ConfigKey, out string? json))
        {
            throw new InvalidDataException($"{file.Path}: the metadata has no {ConfigKey}; it must have the model configuration.");
        }
        ModelConfig config = ReadConfig(kind, file.Path, json);
        // Before memory is taken for a configuration that lies about its size.
        Require(file, "item_embedding", config.Items, config.Width);
        RankingModel model = Create(kind, file, config);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            Require(file, parameter.Name, Extents(parameter));
            file.Read(parameter.Name, 0, parameter.Values);
        }
        foreach (EmbeddingTable table in model.Parameters.Tables)
        {
            Require(file, table.Name, table.Rows, table.Width);
            file.Read(table.Name, 0, table.Values);
        }
        foreach ((string key, string value) in file.Metadata)
        {
            if (key.StartsWith(NotePrefix, StringComparison.Ordinal))
            {
                model.Notes[key[NotePrefix.Length..]] = value;
            }
        }
        model.Parameters.MarkChanged();
        return model;
    }

    /// <summary>Checks that a file has an fp32 tensor of this name and shape.</summary>
    public static void Require(SafetensorsFile file, string name, params ReadOnlySpan<long> shape)
    {
        string mustBe = $"[{string.Join(", ", shape.ToArray())}]";
        if (!file.Tensors.TryGetValue(name, out SafetensorsTensor? tensor))
        {
            throw new InvalidDataException($"{file.Path}: there is no tensor '{name}'; there must be one of shape {mustBe}.");
        }
        if (tensor.Type != SafetensorsType.F32 || !tensor.Shape.SequenceEqual(shape.ToArray()))
        {
            throw new InvalidDataException($"{file.Path}: tensor {tensor} is not what the configuration says; it must be F32 {mustBe}.");
        }
    }

    private static ModelKind ReadKind(SafetensorsFile file)
    {
        string? format = file.Metadata.GetValueOrDefault(FormatKey);
        return ModelKind.All.FirstOrDefault(kind => kind.Format == format) ?? throw new InvalidDataException(
            $"{file.Path}: the metadata's {FormatKey} is {Quoted(format)}; it must be {string.Join(" or ", ModelKind.All.Select(kind => $"\"{kind.Format}\" ({kind.Name})"))}.");
    }

    private static ModelConfig ReadConfig(ModelKind kind, string path, string json)
    {
        try
        {
            return kind.ReadConfig(json);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }
    }

    private static RankingModel Create(ModelKind kind, SafetensorsFile file, ModelConfig config)
    {
        int[] categories = config.Categories == 0 ? [] : file.Read<int>(CategoriesName, config.Items);
        try
        {
            return kind.CreateEmpty(config, categories);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{file.Path}: {exception.Message}", exception);
        }
    }

    private static long[] Extents(Parameter parameter) => [.. parameter.Shape.Select(extent => (long)extent)];

    private static string Quoted(string? text) => text is null ? "missing" : $"\"{text}\"";
}

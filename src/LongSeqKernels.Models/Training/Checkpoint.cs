using System.Globalization;
using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// A training run as one safetensors file: the model as <see cref="RankingModel.Save"/> stores it, and beside it the optimiser's moments, the step, the options and
/// the fingerprint of the batch source. It is a model file too: whoever only wants the model reads it as one.
/// </summary>
internal static class Checkpoint
{
    private const string OptionsKey = "training.options";
    private const string StepKey = "training.step";
    private const string SourceKey = "training.source";
    private const string DenseMean = "optimiser.mean";
    private const string DenseSquare = "optimiser.square";

    public static void Write(string path, RankingModel model, AdamW optimiser, TrainingOptions options, string sourceFingerprint)
    {
        var writer = new SafetensorsWriter();
        ModelFile.Add(writer, model);
        writer.SetMetadata(OptionsKey, JsonSerializer.Serialize(options, ModelJson.Training));
        writer.SetMetadata(StepKey, optimiser.Step.ToString(CultureInfo.InvariantCulture));
        writer.SetMetadata(SourceKey, sourceFingerprint);
        writer.Add<float>(DenseMean, optimiser.DenseMean, optimiser.DenseMean.Length);
        writer.Add<float>(DenseSquare, optimiser.DenseSquare, optimiser.DenseSquare.Length);
        for (int i = 0; i < optimiser.Tables.Count; i++)
        {
            EmbeddingTable table = model.Parameters.Tables[i];
            TableMoments moments = optimiser.Tables[i];
            writer.Add<float>(MeanOf(table), moments.Mean, table.Rows, table.Width);
            writer.Add<float>(SquareOf(table), moments.Square, table.Rows, table.Width);
            writer.Add<long>(LastStepOf(table), moments.LastStep, table.Rows);
        }
        writer.Save(path);
    }

    public static (RankingModel Model, AdamW Optimiser, TrainingOptions Options, string SourceFingerprint) Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        RankingModel model = ModelFile.Read(file);
        TrainingOptions options = ReadOptions(file);
        var optimiser = new AdamW(model.Parameters, options.Optimiser) { Step = ReadStep(file) };
        ModelFile.Require(file, DenseMean, optimiser.DenseMean.Length);
        ModelFile.Require(file, DenseSquare, optimiser.DenseSquare.Length);
        file.Read(DenseMean, 0, optimiser.DenseMean.AsSpan());
        file.Read(DenseSquare, 0, optimiser.DenseSquare.AsSpan());
        for (int i = 0; i < optimiser.Tables.Count; i++)
        {
            EmbeddingTable table = model.Parameters.Tables[i];
            TableMoments moments = optimiser.Tables[i];
            ModelFile.Require(file, MeanOf(table), table.Rows, table.Width);
            ModelFile.Require(file, SquareOf(table), table.Rows, table.Width);
            file.Read(MeanOf(table), 0, moments.Mean.AsSpan());
            file.Read(SquareOf(table), 0, moments.Square.AsSpan());
            file.Read<long>(LastStepOf(table), table.Rows).CopyTo(moments.LastStep, 0);
        }
        return (model, optimiser, options, Metadata(file, SourceKey));
    }

    private static string MeanOf(EmbeddingTable table) => $"optimiser.{table.Name}.mean";

    private static string SquareOf(EmbeddingTable table) => $"optimiser.{table.Name}.square";

    private static string LastStepOf(EmbeddingTable table) => $"optimiser.{table.Name}.last_step";

    private static TrainingOptions ReadOptions(SafetensorsFile file)
    {
        string json = Metadata(file, OptionsKey);
        try
        {
            TrainingOptions options = JsonSerializer.Deserialize(json, ModelJson.Training) ?? throw new JsonException("It is null.");
            options.Validate();
            return options;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"{file.Path}: {OptionsKey} cannot be used: {exception.Message}", exception);
        }
    }

    private static long ReadStep(SafetensorsFile file)
    {
        string text = Metadata(file, StepKey);
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long step)
            ? step
            : throw new InvalidDataException($"{file.Path}: {StepKey} is \"{text}\"; it must be a number, 0 or more.");
    }

    private static string Metadata(SafetensorsFile file, string key) =>
        file.Metadata.TryGetValue(key, out string? value)
            ? value
            : throw new InvalidDataException($"{file.Path}: the metadata has no {key}; it must have one to resume training (a model file is no checkpoint).");
}

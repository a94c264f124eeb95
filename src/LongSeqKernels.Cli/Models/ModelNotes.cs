using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>
/// What <c>lsk train</c> stores with a model beside weights and configuration: which log it was trained on, how that log was made into requests and how the batches
/// were drawn. Evaluation uses the same protocol, and resumed training the same batches.
/// </summary>
/// <param name="Source">The log's own words for its origin.</param>
/// <param name="Items">Digest of the names of the items, in order: models know items by number.</param>
/// <param name="Protocol">How the log was made into requests.</param>
/// <param name="Sampling">How training batches were drawn.</param>
internal sealed record ModelNotes(string Source, string Items, RequestProtocol Protocol, RequestSamplerOptions Sampling)
{
    private const string SourceKey = "log.source";
    private const string ItemsKey = "log.items";
    private const string ProtocolKey = "requests.protocol";
    private const string SamplingKey = "requests.sampling";

    public static ModelNotes Of(InteractionLog log, RequestProtocol protocol, RequestSamplerOptions sampling) =>
        new(log.Source, Digest(log.ItemNames), protocol, sampling);

    public void Write(RankingModel model)
    {
        model.Notes[SourceKey] = Source;
        model.Notes[ItemsKey] = Items;
        model.Notes[ProtocolKey] = JsonSerializer.Serialize(Protocol, NotesJson.Default.RequestProtocol);
        model.Notes[SamplingKey] = JsonSerializer.Serialize(Sampling, NotesJson.Default.RequestSamplerOptions);
    }

    /// <summary>Reads the notes of a model and checks that it knows the items of a log.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="log">The log that it is to be used with.</param>
    /// <param name="logPath">Its file, for messages.</param>
    /// <exception cref="Failure">The notes are missing or damaged, or the model was trained on other items.</exception>
    public static ModelNotes Read(RankingModel model, string path, InteractionLog log, string logPath)
    {
        var notes = new ModelNotes(
            Text(model, SourceKey, path),
            Text(model, ItemsKey, path),
            Parse(model, ProtocolKey, path, NotesJson.Default.RequestProtocol),
            Parse(model, SamplingKey, path, NotesJson.Default.RequestSamplerOptions));
        return notes.Items == Digest(log.ItemNames)
            ? notes
            : throw new Failure(
                $"{path} was trained on other items than {logPath} has: its log was \"{notes.Source}\" with {Format.Count(model.Config.Items, "item")}, "
                + $"this one is \"{log.Source}\" with {Format.Count(log.ItemCount, "item")}. A model works with the log it was trained on.");
    }

    private static string Text(RankingModel model, string key, string path) => model.Notes.TryGetValue(key, out string? text)
        ? text
        : throw new Failure($"{path} has no note {key}: it was not written by 'lsk train'.");

    private static T Parse<T>(RankingModel model, string key, string path, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(Text(model, key, path), type) ?? throw new JsonException("It is null.");
        }
        catch (JsonException exception)
        {
            throw new Failure($"{path}: the note {key} cannot be read: {exception.Message}", exception);
        }
    }

    private static string Digest(IReadOnlyList<string> names)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in names)
        {
            // The length in front keeps "ab", "c" and "a", "bc" apart.
            hash.AppendData(Encoding.UTF8.GetBytes(name.Length.ToString(CultureInfo.InvariantCulture) + ":" + name));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace LongSeqKernels.Models;

/// <summary>
/// How configurations are written as JSON. Unknown and missing members are errors: what a file does not say must not be guessed, and a model of a newer version
/// must not be read as an older one.
/// </summary>
internal static class ModelJson
{
    private static readonly JsonSerializerOptions Strict = new(ModelJsonContext.Default.Options)
    {
        TypeInfoResolver = ModelJsonContext.Default.WithAddedModifier(RequireAll),
    };

    public static JsonTypeInfo<StcaConfig> Stca { get; } = (JsonTypeInfo<StcaConfig>)Strict.GetTypeInfo(typeof(StcaConfig));

    public static JsonTypeInfo<VistaConfig> Vista { get; } = (JsonTypeInfo<VistaConfig>)Strict.GetTypeInfo(typeof(VistaConfig));

    public static JsonTypeInfo<MeanPoolingConfig> MeanPooling { get; } = (JsonTypeInfo<MeanPoolingConfig>)Strict.GetTypeInfo(typeof(MeanPoolingConfig));

    public static JsonTypeInfo<TrainingOptions> Training { get; } = (JsonTypeInfo<TrainingOptions>)Strict.GetTypeInfo(typeof(TrainingOptions));

    private static void RequireAll(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties)
        {
            property.IsRequired |= property.Set is not null;
        }
    }
}

/// <summary>The serialisers of configurations, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.General,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StcaConfig))]
[JsonSerializable(typeof(VistaConfig))]
[JsonSerializable(typeof(MeanPoolingConfig))]
[JsonSerializable(typeof(TrainingOptions))]
internal sealed partial class ModelJsonContext : JsonSerializerContext;

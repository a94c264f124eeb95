using System.Text.Json;
using System.Text.Json.Serialization;

namespace LongSeqKernels.Models;

/// <summary>How configurations are written as JSON, without reflection. Unknown members are errors: a model from a newer version must not be read as an older one.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.General,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StcaConfig))]
[JsonSerializable(typeof(TrainingOptions))]
internal sealed partial class ModelJson : JsonSerializerContext;

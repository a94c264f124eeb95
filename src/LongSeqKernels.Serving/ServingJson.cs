using System.Text.Json.Serialization;

namespace LongSeqKernels.Serving;

/// <summary>The JSON of this assembly, generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ServingJson : JsonSerializerContext;

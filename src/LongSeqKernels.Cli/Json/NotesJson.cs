using System.Text.Json.Serialization;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The JSON of the notes in model files.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(RequestProtocol))]
[JsonSerializable(typeof(RequestSamplerOptions))]
internal sealed partial class NotesJson : JsonSerializerContext;

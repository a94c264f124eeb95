using System.Text.Json.Serialization;

namespace LongSeqKernels.Cli;

/// <summary>What <c>--json</c> prints when a command fails.</summary>
internal sealed record ErrorDocument(string Command, string Error, int ExitCode);

/// <summary>The JSON documents of all commands, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(InfoDocument))]
[JsonSerializable(typeof(VerifyDocument))]
[JsonSerializable(typeof(BenchDocument))]
[JsonSerializable(typeof(ClaimDocument))]
[JsonSerializable(typeof(ImportDocument))]
[JsonSerializable(typeof(DemoDocument))]
[JsonSerializable(typeof(EvaluateDocument))]
[JsonSerializable(typeof(ScoreDocument))]
[JsonSerializable(typeof(StoreListDocument))]
[JsonSerializable(typeof(StoreRemovalDocument))]
[JsonSerializable(typeof(SummarizeDocument))]
[JsonSerializable(typeof(TrainDocument))]
internal sealed partial class Documents : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;

namespace LongSeqKernels.Models;

/// <summary>A mean and how sure it is.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Error">Its standard error over users: the standard deviation of the users' means over the root of their number.</param>
public readonly record struct Estimate(double Mean, double Error);

/// <summary>How well a scorer ranks when it sees a window of the history.</summary>
public sealed record WindowResult
{
    /// <summary>Most history events that are seen; <see cref="RequestBatches.AllEvents"/> for the whole history.</summary>
    public required int Window { get; init; }

    /// <summary>The window as tables and charts show it.</summary>
    public string Label => Window == RequestBatches.AllEvents ? "all" : Window.ToString("#,0", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Mean number of events that are seen: histories may be shorter than the window.</summary>
    public required double MeanHistory { get; init; }

    /// <summary>Share of negatives ranked below the positive; ties count half. 0.5 is chance.</summary>
    public required Estimate Auc { get; init; }

    /// <summary>Negative logarithm (natural) of the softmax probability of the positive among the targets.</summary>
    public required Estimate Nll { get; init; }

    /// <summary>Reciprocal of the positive's rank.</summary>
    public required Estimate Mrr { get; init; }

    /// <summary>Share of requests whose positive is among the ten best.</summary>
    public required Estimate HitRate10 { get; init; }

    /// <summary>AUC minus that of the shortest window, paired by user: the mean over users of the difference of their means.</summary>
    public required Estimate AucGain { get; init; }

    /// <summary>NLL minus that of the shortest window, paired by user; better is negative.</summary>
    public required Estimate NllGain { get; init; }

    /// <summary>Mean AUC of each tested user, in the order of <see cref="EvaluationReport.Users"/>: to pair scorers with each other.</summary>
    public required IReadOnlyList<double> UserAuc { get; init; }

    /// <summary>Mean NLL of each tested user.</summary>
    public required IReadOnlyList<double> UserNll { get; init; }
}

/// <summary>How well a scorer ranks, by history window.</summary>
public sealed record LengthResult
{
    /// <summary>Name of the scorer.</summary>
    public required string Name { get; init; }

    /// <summary>Results by growing window.</summary>
    public required IReadOnlyList<WindowResult> Windows { get; init; }

    /// <summary>This scorer's AUC minus that of another at the same requests, paired by user.</summary>
    /// <param name="other">The scorer to compare with.</param>
    /// <param name="window">Number of the window in <see cref="Windows"/>.</param>
    public Estimate AucOver(LengthResult other, int window) => PairedUsers.Difference(Windows[window].UserAuc, other.Windows[window].UserAuc);
}

/// <summary>What an evaluation by history length found; written as JSON and drawn by <see cref="LengthChart"/>.</summary>
public sealed record EvaluationReport
{
    /// <summary>Where the data came from, in words.</summary>
    public required string Source { get; init; }

    /// <summary>How the requests were made.</summary>
    public required RequestProtocol Protocol { get; init; }

    /// <summary>Number of requests.</summary>
    public required int Requests { get; init; }

    /// <summary>Names of the tested users.</summary>
    public required IReadOnlyList<string> Users { get; init; }

    /// <summary>One result per scorer.</summary>
    public required IReadOnlyList<LengthResult> Results { get; init; }

    /// <summary>The report as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EvaluationJson.Default.EvaluationReport);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidDataException">The text is no such report.</exception>
    public static EvaluationReport FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EvaluationJson.Default.EvaluationReport) ?? throw new InvalidDataException("The evaluation report is null; it must be a JSON object.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"The evaluation report cannot be read: {exception.Message}", exception);
        }
    }
}

/// <summary>Serialisation of reports without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(EvaluationReport))]
internal sealed partial class EvaluationJson : JsonSerializerContext;

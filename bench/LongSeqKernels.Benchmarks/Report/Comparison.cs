using System.Text.Json;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Where and when a comparison was measured, and how busy the machine was with other work.</summary>
internal sealed record ComparisonMachine(string Date, string Cpu, int Cores, string Commit, double LoadBefore, double LoadAfter, double Others)
{
    private const double BusyShare = 0.25;

    /// <summary>"AMD EPYC, 2 cores, 2026-11-22, commit abc; ...".</summary>
    public override string ToString() =>
        $"{Cpu}, {Format.Count(Cores, "core")}, {Date}, commit {Commit}; load average {Format.Fixed(LoadBefore, 1)} before and {Format.Fixed(LoadAfter, 1)} after, " +
        $"others used {Format.Percent(Others)} of the processors{(Others > BusyShare ? ": a busy machine" : "")}";
}

/// <summary>The words that describe a case to the workers; see <c>bench/peers/cases.py</c>.</summary>
internal sealed record ComparisonCase(string Name, double? Bar, string Op, Direction Direction, string Dtype, int Threads, int Length);

/// <summary>What a case must do at least, and its sizes in words.</summary>
internal sealed record ComparisonWork(double Flops, double Bytes, string Shape);

/// <summary>A measured case: seconds of every contender, ours among them, and the ratio of the best peer's time to ours with its interval.</summary>
internal sealed record ComparisonRow(
    ComparisonCase Case,
    IReadOnlyDictionary<string, double> Seconds,
    IReadOnlyDictionary<string, string> Errors,
    bool Agree,
    ComparisonWork? Work = null,
    string? BestPeer = null,
    double? Ratio = null,
    double? RatioLow = null,
    double? RatioHigh = null)
{
    /// <summary>Our time; null where we failed.</summary>
    public double? Ours => Seconds.TryGetValue("ours", out double seconds) ? seconds : null;

    /// <summary>The best time of PyTorch over ours; null where one of them did not run.</summary>
    public double? TorchRatio =>
        Seconds.Where(pair => pair.Key.StartsWith("torch", StringComparison.Ordinal)).Select(pair => (double?)pair.Value).Min() / Ours;
}

/// <summary>What <c>bench/peers/compare.py</c> wrote.</summary>
internal sealed record Comparison(ComparisonMachine Machine, IReadOnlyDictionary<int, Roofline> Rooflines, IReadOnlyList<ComparisonRow> Rows)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() },
    };

    /// <summary>Reads a result.</summary>
    /// <exception cref="InvalidDataException">The file is not such a result.</exception>
    public static Comparison Read(string path)
    {
        try
        {
            Comparison read = JsonSerializer.Deserialize<Comparison>(File.ReadAllText(path), Json) ?? throw new JsonException("it is null");
            ComparisonRow? homeless = read.Rows.FirstOrDefault(row => !read.Rooflines.ContainsKey(row.Case.Threads));
            return homeless is null ? read : throw new JsonException($"it has no roofline of {homeless.Case.Threads} threads, which \"{homeless.Case.Name}\" ran with");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} is not a result of bench/peers/compare.py: {error.Message}", error);
        }
    }

    /// <summary>The share of its roof that we reach; null where we failed.</summary>
    public double? Share(ComparisonRow row) => row is { Ours: { } seconds, Work: { } work } ? Rooflines[row.Case.Threads].Seconds(new BenchWork(work.Flops, work.Bytes)) / seconds : null;
}

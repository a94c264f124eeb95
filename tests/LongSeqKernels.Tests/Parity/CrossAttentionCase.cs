namespace LongSeqKernels.Tests;

/// <summary>Whether a case has a per-key bias.</summary>
public enum CaseBias
{
    None,

    /// <summary>Normal numbers: time decay, ln cluster size.</summary>
    Normal,

    /// <summary>Normal numbers and -infinity, which hides a key.</summary>
    Hiding,
}

/// <summary>One entry of the catalogue: a shape, switches, and how large the logits are.</summary>
public sealed record CrossAttentionCase(string Name, CrossAttentionShape Shape)
{
    public CrossAttentionOptions Options { get; init; }

    public CaseBias Bias { get; init; }

    /// <summary>Standard deviation of the queries: 1 gives flat weights, 30 weights that all but pick one key.</summary>
    public double QueryDeviation { get; init; } = 1;

    public override string ToString() => Name;
}

/// <summary>
/// The catalogue of shapes: off every tile, ragged as users are, and every switch. Each axis is walked around a small base case, so that a
/// failure names its cause and the catalogue stays quick.
/// </summary>
public static class CrossAttentionCatalogue
{
    private static readonly int[] Tiles = [16, 32, 64, 96, 128];

    public static IEnumerable<CrossAttentionCase> All =>
        [.. Lengths, .. Rows, .. Widths, .. Heads, .. Ragged, .. Limits, .. Scores, .. Biases, .. Shared, .. Pooling, .. Long, .. Thin, .. ManyHeads];

    /// <summary>A handful that covers the kinds of work: for tests that run a case many times.</summary>
    public static IEnumerable<CrossAttentionCase> Representative =>
        [.. Ragged, .. Limits, .. Shared.Where(c => c.Shape.Targets.Count > 1), .. Pooling.Take(1)];

    private static IEnumerable<CrossAttentionCase> Lengths =>
        from tile in Tiles
        from length in new[] { tile - 1, tile, tile + 1 }
        select new CrossAttentionCase($"history of {length}", Shape([3], [length], 2, 32));

    private static IEnumerable<CrossAttentionCase> Rows =>
        [
            .. from rows in new[] { 1, 3, 9, 31, 47, 63, 64, 100, 126, 128 }
               select new CrossAttentionCase($"{rows} targets", Shape([rows], [77], 1, 40)),
            .. from rows in new[] { 1, 9, 64 }
               select new CrossAttentionCase($"{rows} targets, 8 heads", Shape([rows], [131], 8, 16)),
            new("one key", Shape([5], [1], 4, 32)),
            new("empty history", Shape([5], [0], 4, 32)),
            new("no targets", Shape([0], [50], 4, 32)),
            new("no segments", Shape([], [], 4, 32)),
            new("3 queries per target", Shape([5], [70], 4, 32) with { QueriesPerTarget = 3 }),
        ];

    /// <summary>Head widths off every vector, odd ones among them.</summary>
    public static IEnumerable<CrossAttentionCase> Widths =>
        from width in new[] { 1, 7, 8, 20, 32, 40, 64, 100, 128, 256 }
        from targets in new[] { 1, 17 }
        select new CrossAttentionCase($"head width {width}, {targets} targets", Shape([targets], [67], 2, width));

    private static IEnumerable<CrossAttentionCase> Heads =>
        [
            new("1 head", Shape([7], [90], 1, 64)),
            new("4 heads", Shape([7], [90], 4, 64)),
            new("8 heads", Shape([7], [90], 8, 64)),
            new("8 heads on 2", Shape([7], [90], 8, 64) with { KeyValueHeads = 2 }),
            new("8 heads on 1", Shape([7], [90], 8, 20) with { KeyValueHeads = 1 }),
            new("6 heads on 3, 2 queries", Shape([3], [50], 6, 24) with { KeyValueHeads = 3, QueriesPerTarget = 2 }),
        ];

    private static IEnumerable<CrossAttentionCase> Ragged =>
        [
            new("ragged users", Shape([3, 0, 17, 1, 5, 64], [65, 40, 0, 1, 130, 257], 4, 32)),
            new("Zipf users", Shape(Samples.ZipfLengths(1, 12, 40), Samples.ZipfLengths(2, 12, 700), 2, 40)),
            new("Zipf users, 8 heads on 2", Shape(Samples.ZipfLengths(3, 8, 20), Samples.ZipfLengths(4, 8, 400), 8, 32) with { KeyValueHeads = 2 }),
        ];

    private static IEnumerable<CrossAttentionCase> Limits =>
        [
            new("limits", Shape([9, 4, 3], [150, 33, 0], 4, 32) with { HistoryLimits = Limited(0, 1, 63, 64, 65, 149, 150, 151, 7, 33, 16, 0, 1000, 5, 0, 9) }),
            new("equal limits", Shape([4], [200], 2, 64) with { HistoryLimits = Limited(129, 129, 129, 129) }),
            new("limits, SiLU", Shape([5], [100], 2, 32) with { HistoryLimits = Limited(0, 1, 50, 99, 200) })
                { Options = new() { Score = AttentionScore.Silu } },
        ];

    private static IEnumerable<CrossAttentionCase> Scores =>
        [
            .. from score in Enum.GetValues<AttentionScore>()
               from targets in new[] { 1, 16 }
               select new CrossAttentionCase($"{score}, {targets} targets", Shape([targets, 2], [75, 20], 4, 32))
                   { Options = new() { Score = score }, Bias = CaseBias.Normal },
            new("SiLU over 200", Shape([6], [75], 4, 32)) { Options = new() { Score = AttentionScore.Silu, ScoreDivisor = 200 } },
            new("identity over 75", Shape([6], [75], 4, 32)) { Options = new() { Score = AttentionScore.Identity, ScoreDivisor = 75 } },
            new("SiLU with cap", Shape([6], [75], 4, 32)) { Options = new() { Score = AttentionScore.Silu, SoftCap = 2 } },
            new("soft cap 3", Shape([6], [75], 4, 32)) { Options = new() { SoftCap = 3 }, QueryDeviation = 3 },
            new("soft cap 30, peaky", Shape([16], [75], 4, 32)) { Options = new() { SoftCap = 30 }, QueryDeviation = 30 },
            new("peaky", Shape([16], [130], 4, 64)) { QueryDeviation = 30 },
            // Rows enough that the naive computation's largest error is no stroke of luck: with logits of a hundred a row shows a rounding of its logits or none.
            new("peaky, 1 target", Shape([.. Enumerable.Repeat(1, 16)], [.. Enumerable.Repeat(1000, 16)], 2, 64)) { QueryDeviation = 30 },
            new("scale 0", Shape([4], [33], 2, 32)) { Options = new() { Scale = 0 } },
            new("negative scale", Shape([4], [33], 2, 32)) { Options = new() { Scale = -0.3f } },
        ];

    private static IEnumerable<CrossAttentionCase> Biases =>
        [
            new("bias", Shape([5, 3], [65, 70], 4, 32)) { Bias = CaseBias.Normal },
            new("bias with limits and cap", Shape([3], [90], 2, 32) with { HistoryLimits = Limited(10, 64, 90) })
                { Bias = CaseBias.Normal, Options = new() { SoftCap = 5 } },
            new("bias that hides keys", Shape([5, 2, 2], [65, 1, 3], 2, 32)) { Bias = CaseBias.Hiding },
        ];

    private static IEnumerable<CrossAttentionCase> Shared =>
        [
            .. from width in new[] { 20, 64, 128, 256 }
               select SharedCase($"shared history, width {width}", Shape([5], [66], 4, width)),
            .. from rows in new[] { 1, 3, 16, 33 }
               select SharedCase($"shared history, {rows} targets of 8 heads", Shape([rows], [97], 8, 64)),
            SharedCase("shared history, ragged", Shape([3, 0, 9, 1], [65, 40, 0, 130], 4, 64)),
            SharedCase("shared history, limits and 2 queries", Shape([3, 2], [65, 40], 4, 64) with { QueriesPerTarget = 2, HistoryLimits = Limited(65, 1, 30, 0, 40) }),
            SharedCase("shared history, bias", Shape([3, 2], [65, 40], 4, 64)) with { Bias = CaseBias.Normal },
            SharedCase("shared history, SiLU", Shape([3, 2], [65, 40], 4, 64)) with { Options = new() { Scale = 0.2f, Score = AttentionScore.Silu } },
        ];

    private static IEnumerable<CrossAttentionCase> Pooling =>
        [
            new("seeds", Shape([16, 16, 16], [65, 0, 200], 4, 32) with { BroadcastQueries = true }),
            new("64 seeds, one user", Shape([64], [333], 2, 64) with { BroadcastQueries = true }),
            new("seeds on 2 heads with bias", Shape([9, 9], [33, 120], 4, 20) with { BroadcastQueries = true, KeyValueHeads = 2 }) { Bias = CaseBias.Normal },
            SharedCase("seeds on shared history", Shape([16, 16], [65, 100], 4, 64) with { BroadcastQueries = true }),
        ];

    /// <summary>One to four rows per key/value head, which CPUs walk with vectors along the head width, with everything that a row may have.</summary>
    private static IEnumerable<CrossAttentionCase> Thin =>
        [
            new("thin, limits, cap and bias", Shape([4, 1, 3], [150, 33, 40], 2, 32) with { HistoryLimits = Limited(149, 17, 60, 150, 33, 0, 40, 8) })
                { Bias = CaseBias.Normal, Options = new() { SoftCap = 5 } },
            new("thin, limits, SiLU", Shape([3], [100], 2, 32) with { HistoryLimits = Limited(50, 99, 7) }) { Options = new() { Score = AttentionScore.Silu } },
            new("thin, 4 heads on 2", Shape([1, 1], [90, 200], 4, 64) with { KeyValueHeads = 2 }),
            new("thin, 4 heads of 64", Shape([1, 0, 1, 1, 1], [777, 40, 0, 15, 256], 4, 64)),
            new("thin, 8 heads of 64, limits, cap and bias", Shape([1, 1, 1], [270, 33, 20], 8, 64) with { HistoryLimits = Limited(265, 9, 600) })
                { Bias = CaseBias.Normal, Options = new() { SoftCap = 5 } },
            new("thin, 4 heads of 64, SiLU", Shape([1], [290], 4, 64)) { Options = new() { Score = AttentionScore.Silu } },
            new("thin, seeds", Shape([4, 4, 4], [65, 0, 200], 2, 32) with { BroadcastQueries = true }),
            SharedCase("thin, shared history", Shape([1, 3], [65, 130], 1, 64)),
            SharedCase("thin, shared history of 4 heads", Shape([1], [130], 4, 80)),
            SharedCase("thin, shared history, limits and bias", Shape([2, 1], [97, 20], 2, 48) with { HistoryLimits = Limited(77, 90, 20) }) with { Bias = CaseBias.Normal },
        ];

    /// <summary>More heads than pass over the keys together.</summary>
    private static IEnumerable<CrossAttentionCase> ManyHeads =>
        [
            new("24 heads and bias", Shape([64], [33], 24, 64)) { Bias = CaseBias.Normal },
            new("thin, 96 heads and bias", Shape([1], [40], 96, 64)) { Bias = CaseBias.Normal },
        ];

    /// <summary>Long enough to be split over the history and to be summed in several runs.</summary>
    private static IEnumerable<CrossAttentionCase> Long =>
        [
            new("1 target, 70,000 keys", Shape([1], [70_000], 1, 16)),
            new("2 targets, 9,000 keys", Shape([2], [9_000], 2, 32)),
            new("5 targets, 9,000 keys, limits", Shape([5], [9_000], 2, 32) with { HistoryLimits = Limited(0, 1, 8_000, 9_000, 10_000) }),
            new("70 targets, 6,000 keys", Shape([70], [6_000], 1, 32)) { Bias = CaseBias.Normal },
            new("3 targets, 9,000 keys, SiLU", Shape([3], [9_000], 2, 32)) { Options = new() { Score = AttentionScore.Silu } },
            new("20 targets, 2,000 keys", Shape([20], [2_000], 2, 32)) { Bias = CaseBias.Normal },
            new("5 targets, 2,000 keys, limits", Shape([5], [2_000], 2, 32) with { HistoryLimits = Limited(0, 1, 700, 2_000, 3_000) }),
            new("200 targets, 500 keys", Shape([200], [500], 2, 32)),
        ];

    private static CrossAttentionShape Shape(long[] targets, long[] history, int heads, int width) => new()
    {
        Targets = JaggedLayout.FromLengths(targets),
        History = JaggedLayout.FromLengths(history),
        Heads = heads,
        HeadWidth = width,
    };

    private static CrossAttentionCase SharedCase(string name, CrossAttentionShape shape) =>
        new(name, shape with { Form = HistoryForm.Shared }) { Options = new() { Scale = 1 / MathF.Sqrt(shape.HeadWidth) } };

    private static ReadOnlyMemory<long> Limited(params long[] limits) => limits;
}

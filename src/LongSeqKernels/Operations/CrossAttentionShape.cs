using System.Globalization;

namespace LongSeqKernels;

/// <summary>What the keys and values of a cross attention are.</summary>
public enum HistoryForm
{
    /// <summary>Keys and values are two tensors <c>[L, Hkv, dh]</c>, already projected.</summary>
    Projected,

    /// <summary>
    /// One tensor <c>X [L, D]</c> is key and value of every head ("absorbed": W_K and W_V are applied to the queries and to the
    /// result instead of the history). Head width is then D and there is a single key/value head.
    /// </summary>
    Shared,
}

/// <summary>
/// The shape of a batch of cross attentions from targets to histories. Row (t, q, h) of the queries belongs to target t, its
/// query q and head h; target t belongs to the same segment (user, request) of <see cref="Targets"/> as its history in <see cref="History"/>.
/// </summary>
public sealed record CrossAttentionShape
{
    /// <summary>Targets per segment; as many segments as <see cref="History"/> has.</summary>
    public required JaggedLayout Targets { get; init; }

    /// <summary>History rows per segment, oldest first.</summary>
    public required JaggedLayout History { get; init; }

    /// <summary>Query heads H, 1 or more.</summary>
    public required int Heads { get; init; }

    /// <summary>Width of a head: dh for projected history, D for shared history.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>
    /// Key/value heads Hkv, a divisor of <see cref="Heads"/> (grouped queries: head h reads key/value head h * Hkv / H).
    /// 0, the default, means <see cref="Heads"/> for projected and 1 for shared history, where nothing else is allowed.
    /// </summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Queries of one target, 1 by default.</summary>
    public int QueriesPerTarget { get; init; } = 1;

    /// <summary>Whether keys and values are two projected tensors or one shared one.</summary>
    public HistoryForm Form { get; init; }

    /// <summary>
    /// How the history is stored: null, the default, as the queries are; otherwise as rows that <see cref="SummaryCodec"/> wrote, which
    /// <see cref="CrossAttention.ForwardEncoded"/> decodes as it reads them. A row is then one key/value head of one history row.
    /// </summary>
    public SummaryEncoding? HistoryEncoding { get; init; }

    /// <summary>
    /// Per target, how many of the first rows of its history it sees: several requests of one user share one history. Empty means all.
    /// A limit above the history's length means all of it; 0 means an empty history.
    /// </summary>
    public ReadOnlyMemory<long> HistoryLimits { get; init; }

    /// <summary>
    /// Every segment uses the same query rows (learned seeds): queries are <c>[targets per segment, nq, H, dh]</c>, and every segment has
    /// the same number of targets. Summary pooling is this.
    /// </summary>
    public bool BroadcastQueries { get; init; }

    /// <summary>Elements of one target's queries, and of its output: nq * H * dh.</summary>
    public int TargetWidth => QueriesPerTarget * Heads * HeadWidth;

    /// <summary>Elements of one history row of keys (and of values): Hkv * dh.</summary>
    public int HistoryWidth => KeyValueHeads * HeadWidth;

    /// <summary>Rows of keys (and of values) of one head width: L * Hkv. An encoded history has so many rows.</summary>
    public long HistoryHeadRows => History.Total * KeyValueHeads;

    /// <summary>Query rows (target, query, head) over the batch: T * nq * H. LSE has one number for each.</summary>
    public long Rows => Targets.Total * QueriesPerTarget * Heads;

    /// <summary>Targets in the query tensor: all of them, or those of one segment when queries are broadcast.</summary>
    public long QueryTargets => BroadcastQueries ? (Targets.Count == 0 ? 0 : Targets.Length(0)) : Targets.Total;

    /// <summary>How many history rows a target sees: those of its segment, up to its limit.</summary>
    /// <param name="segment">The target's segment.</param>
    /// <param name="target">The target, counted over the batch: from 0 to T - 1.</param>
    public long VisibleHistory(int segment, long target)
    {
        long length = History.Length(segment);
        return HistoryLimits.IsEmpty ? length : Math.Min(length, HistoryLimits.Span[checked((int)target)]);
    }

    /// <summary>This shape with its defaults filled in, after checking every extent.</summary>
    /// <exception cref="ArgumentException">An extent is out of range or two of them contradict each other.</exception>
    internal CrossAttentionShape Checked()
    {
        Check.Width(Heads);
        Check.Width(HeadWidth);
        Check.Width(QueriesPerTarget);
        Check.RowElements((long)QueriesPerTarget * Heads * HeadWidth, $"{nameof(QueriesPerTarget)} * {nameof(Heads)} * {nameof(HeadWidth)}");
        Check.Defined(Form);
        if (HistoryEncoding is { } encoding)
        {
            Check.Defined(encoding, nameof(HistoryEncoding));
        }
        if (Targets.Count != History.Count)
        {
            throw Error.Invalid(nameof(Targets), $"a layout of {Targets.Count} segments", $"a layout of {History.Count} segments, as {nameof(History)} has");
        }
        int keyValueHeads = KeyValueHeads != 0 ? KeyValueHeads : Form == HistoryForm.Shared ? 1 : Heads;
        if (keyValueHeads < 0 || Heads % keyValueHeads != 0)
        {
            throw Error.Range(nameof(KeyValueHeads), KeyValueHeads, $"a divisor of {nameof(Heads)} ({Heads}), or 0 for the default");
        }
        if (Form == HistoryForm.Shared && keyValueHeads != 1)
        {
            throw Error.Range(nameof(KeyValueHeads), KeyValueHeads, "1 (or 0 for the default) when the history is shared by all heads");
        }
        if (!HistoryLimits.IsEmpty && HistoryLimits.Length != Targets.Total)
        {
            throw Error.Length(nameof(HistoryLimits), HistoryLimits.Length, Targets.Total, "one per target, or none");
        }
        for (int i = 0; i < HistoryLimits.Length; i++)
        {
            if (HistoryLimits.Span[i] < 0)
            {
                throw Error.Invalid($"{nameof(HistoryLimits)}[{i}]", HistoryLimits.Span[i].ToString(CultureInfo.InvariantCulture), "0 or more");
            }
        }
        for (int i = 1; BroadcastQueries && i < Targets.Count; i++)
        {
            if (Targets.Length(i) != Targets.Length(0))
            {
                throw Error.Invalid(nameof(Targets), $"{Targets.Length(i)} targets in segment {i}", $"{Targets.Length(0)} in every segment, as queries are broadcast");
            }
        }
        // The caller may reuse its buffer of limits while the plan lives.
        return this with { KeyValueHeads = keyValueHeads, HistoryLimits = HistoryLimits.ToArray() };
    }
}

using System.Globalization;

namespace LongSeqKernels;

/// <summary>The two orders in which a layer of target attention can multiply; both give the same result.</summary>
public enum AttentionFormulation
{
    /// <summary>W_K and W_V are applied to the queries and to the result; all heads attend to the history itself (<see cref="HistoryForm.Shared"/>).</summary>
    Absorbed,

    /// <summary>The history is projected to keys and values once for all targets of its segment (<see cref="HistoryForm.Projected"/>).</summary>
    Projected,
}

/// <summary>The batch that one layer attends over, as the chooser sees it.</summary>
public readonly record struct FormulationProblem
{
    /// <summary>One target per request, queries of one row.</summary>
    public FormulationProblem()
    {
    }

    /// <summary>Targets per segment.</summary>
    public required JaggedLayout Targets { get; init; }

    /// <summary>History rows per segment; as many segments.</summary>
    public required JaggedLayout History { get; init; }

    /// <summary>D.</summary>
    public required int ModelWidth { get; init; }

    /// <summary>H, a divisor of D.</summary>
    public required int Heads { get; init; }

    /// <summary>nq.</summary>
    public int QueriesPerTarget { get; init; } = 1;

    /// <summary>How history, queries and projections are stored.</summary>
    public ElementType Element { get; init; }

    /// <summary>A formulation that the caller insists on; null lets the costs decide.</summary>
    public AttentionFormulation? Pinned { get; init; }

    internal int ElementBytes => Element == ElementType.Float32 ? sizeof(float) : sizeof(ushort);

    internal void Validate()
    {
        Check.Width(ModelWidth);
        Check.Width(Heads);
        Check.Width(QueriesPerTarget);
        Check.Defined(Element);
        if (ModelWidth % Heads != 0)
        {
            throw Error.Range(nameof(Heads), Heads, $"a divisor of {nameof(ModelWidth)} ({ModelWidth})");
        }
        if (Targets.Count != History.Count)
        {
            throw Error.Invalid(nameof(Targets), $"a layout of {Targets.Count} segments", $"a layout of {History.Count} segments, as {nameof(History)} has");
        }
        if (Pinned is { } pinned)
        {
            Check.Defined(pinned, nameof(Pinned));
        }
    }
}

/// <summary>What a formulation is predicted to cost for one layer of a batch, without what both formulations share (W_O, the encoders).</summary>
/// <param name="Flops">fp32 operations.</param>
/// <param name="Bytes">Bytes read from and written to memory.</param>
/// <param name="Seconds">Time of its phases, each bound by one of the machine's two rates.</param>
public readonly record struct FormulationCost(double Flops, double Bytes, double Seconds);

/// <summary>What was chosen for a batch, and why.</summary>
public sealed record FormulationChoice
{
    internal FormulationChoice(FormulationProblem problem)
    {
        Segments = problem.History.Count;
        Targets = problem.Targets.Total;
        HistoryRows = problem.History.Total;
        Pinned = problem.Pinned is not null;
    }

    /// <summary>The formulation to run.</summary>
    public required AttentionFormulation Formulation { get; init; }

    /// <summary>Predicted cost of the absorbed form.</summary>
    public required FormulationCost Absorbed { get; init; }

    /// <summary>Predicted cost of the projected form.</summary>
    public required FormulationCost Projected { get; init; }

    /// <summary>
    /// Targets per segment from which on projecting is cheaper, at the batch's mean history length; near D / (H - 1) where arithmetic binds. Null where
    /// no number of targets makes projecting cheaper.
    /// </summary>
    public required long? BreakEvenTargets { get; init; }

    /// <summary>Whether the caller insisted.</summary>
    public bool Pinned { get; }

    /// <summary>Segments of the batch.</summary>
    public int Segments { get; }

    /// <summary>Targets of the batch.</summary>
    public long Targets { get; }

    /// <summary>History rows of the batch.</summary>
    public long HistoryRows { get; }

    /// <summary>One line: "absorbed: 12 targets of 10,000 events, predicted 3.1 ms against 9.8 ms; break-even near 68 targets".</summary>
    public string Explain()
    {
        bool absorbed = Formulation == AttentionFormulation.Absorbed;
        string segments = Segments == 1 ? "" : $" in {Count(Segments, "segment")}";
        string chosen = Milliseconds(absorbed ? Absorbed : Projected);
        string other = Milliseconds(absorbed ? Projected : Absorbed);
        string breakEven = BreakEvenTargets is { } targets
            ? $"break-even near {Count(targets, "target")}{(Segments == 1 ? "" : " per segment")}"
            : "projecting never pays";
        return $"{(absorbed ? "absorbed" : "projected")}{(Pinned ? " (pinned)" : "")}: {Count(Targets, "target")} of {Count(HistoryRows, "event")}{segments}, "
            + $"predicted {chosen} against {other}; {breakEven}";
    }

    private static string Count(long number, string noun) => string.Create(CultureInfo.InvariantCulture, $"{number:N0} {noun}{(number == 1 ? "" : "s")}");

    private static string Milliseconds(FormulationCost cost) =>
        string.Create(CultureInfo.InvariantCulture, $"{cost.Seconds * 1000:G3} ms");
}

namespace LongSeqKernels;

/// <summary>
/// Chooses between absorbed and projected attention by a cost model of operations and bytes with a machine's rates. Absorbing costs
/// <c>4 L D H + 6 D^2</c> operations per target and no projection of the history; projecting costs <c>4 L D^2</c> once per segment and
/// <c>4 L D + 2 D^2</c> per target (SequenceO1, arXiv 2609.08443, appendix G.2.1). A pure function of the problem and the rates.
/// </summary>
public static class FormulationChooser
{
    /// <summary>Query rows that attend in one pass over the history; more rows read it again.</summary>
    private const long RowTile = 64;

    /// <summary>Share of the multiply-add peak that large products and attention reach.</summary>
    private const double AttainableShare = 0.8;

    /// <summary>A written byte costs a read (of the line) and a write.</summary>
    private const double WriteFactor = 2;

    /// <summary>Operations of one exponential and its share of the softmax.</summary>
    private const double ExponentialFlops = 16;

    /// <summary>Where the search for a break-even ends.</summary>
    private const long MostTargets = 1 << 24;

    /// <summary>Chooses for a batch with this context's rates.</summary>
    /// <exception cref="ArgumentException">An extent is out of range or contradicts another.</exception>
    public static FormulationChoice Choose(LongSeqContext context, FormulationProblem problem) => Choose(problem, context.Rates);

    /// <summary>Chooses for a batch.</summary>
    /// <param name="problem">Layouts, widths, and a formulation to insist on, if any.</param>
    /// <param name="rates">The machine's.</param>
    /// <exception cref="ArgumentException">An extent is out of range or contradicts another, or a rate is not positive.</exception>
    public static FormulationChoice Choose(FormulationProblem problem, MachineRates rates)
    {
        problem.Validate();
        rates.Validate();
        FormulationCost absorbed = default;
        FormulationCost projected = default;
        for (int segment = 0; segment < problem.History.Count; segment++)
        {
            absorbed = Sum(absorbed, Absorbed(problem, rates, problem.Targets.Length(segment), problem.History.Length(segment)));
            projected = Sum(projected, Projected(problem, rates, problem.Targets.Length(segment), problem.History.Length(segment)));
        }
        return new FormulationChoice(problem)
        {
            Formulation = problem.Pinned
                ?? (projected.Seconds < absorbed.Seconds ? AttentionFormulation.Projected : AttentionFormulation.Absorbed),
            Absorbed = absorbed,
            Projected = projected,
            BreakEvenTargets = BreakEven(problem, rates),
        };
    }

    private static FormulationCost Absorbed(FormulationProblem problem, MachineRates rates, double targets, double length)
    {
        double width = problem.ModelWidth;
        double queries = targets * problem.QueriesPerTarget;
        double rows = queries * problem.Heads;
        FormulationCost weights = Phase(rates, 6 * width * width * queries, TouchedWeights(problem, queries, 3) + (QueryBytes(problem, rows) * (1 + WriteFactor)));
        FormulationCost attention = Phase(
            rates,
            rows * length * ((4 * width) + ExponentialFlops),
            (Math.Ceiling(rows / RowTile) * length * width * problem.ElementBytes) + (QueryBytes(problem, rows) * (1 + WriteFactor)));
        return Sum(weights, attention);
    }

    private static FormulationCost Projected(FormulationProblem problem, MachineRates rates, double targets, double length)
    {
        double width = problem.ModelWidth;
        double queries = targets * problem.QueriesPerTarget;
        double historyBytes = queries > 0 ? length * width * problem.ElementBytes : 0;
        FormulationCost weights = Phase(rates, 2 * width * width * queries, TouchedWeights(problem, queries, 1) + (QueryBytes(problem, queries) * (1 + WriteFactor)));
        FormulationCost projection = Phase(
            rates,
            queries > 0 ? 4 * length * width * width : 0,
            TouchedWeights(problem, queries, 2) + (historyBytes * (1 + (2 * WriteFactor))));
        FormulationCost attention = Phase(
            rates,
            queries * length * ((4 * width) + (ExponentialFlops * problem.Heads)),
            (Math.Ceiling(queries / RowTile) * 2 * historyBytes) + (QueryBytes(problem, queries) * (1 + WriteFactor)));
        return Sum(Sum(weights, projection), attention);
    }

    private static double QueryBytes(FormulationProblem problem, double rows) => rows * problem.ModelWidth * problem.ElementBytes;

    private static double TouchedWeights(FormulationProblem problem, double queries, int matrices) =>
        queries > 0 ? (double)matrices * problem.ModelWidth * problem.ModelWidth * problem.ElementBytes : 0;

    /// <summary>Work that overlaps its arithmetic with its memory traffic: the slower of the two binds.</summary>
    private static FormulationCost Phase(MachineRates rates, double flops, double bytes) =>
        new(flops, bytes, Math.Max(flops / (rates.FlopsPerSecond * AttainableShare), bytes / rates.ReadBytesPerSecond));

    private static FormulationCost Sum(FormulationCost left, FormulationCost right) =>
        new(left.Flops + right.Flops, left.Bytes + right.Bytes, left.Seconds + right.Seconds);

    /// <summary>The smallest number of targets from which on projecting is cheaper for a segment of the mean length.</summary>
    private static long? BreakEven(FormulationProblem problem, MachineRates rates)
    {
        double length = problem.History.Count == 0 ? 0 : (double)problem.History.Total / problem.History.Count;
        bool ProjectingPays(long targets) => Projected(problem, rates, targets, length).Seconds < Absorbed(problem, rates, targets, length).Seconds;
        if (!ProjectingPays(MostTargets))
        {
            return null;
        }
        long low = 0;
        long high = 1;
        while (!ProjectingPays(high))
        {
            (low, high) = (high, 2 * high);
        }
        while (high - low > 1)
        {
            long middle = low + ((high - low) / 2);
            (low, high) = ProjectingPays(middle) ? (low, middle) : (middle, high);
        }
        return high;
    }
}

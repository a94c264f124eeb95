namespace LongSeqKernels.Benchmarks;

/// <summary>One layer: what was chosen, and the seconds that either formulation took.</summary>
internal sealed record FormulationCase(int Width, int Heads, int Events, int Targets, FormulationChoice Choice, double Absorbed, double Projected)
{
    /// <summary>How much longer the chosen formulation took, as a share of the faster one's time; 0 when it was the faster one.</summary>
    public double Loss => ((Choice.Formulation == AttentionFormulation.Absorbed ? Absorbed : Projected) / Math.Min(Absorbed, Projected)) - 1;
}

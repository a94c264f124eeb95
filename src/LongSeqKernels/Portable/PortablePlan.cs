namespace LongSeqKernels.Portable;

/// <summary>How the portable backend runs a cross attention: every row's history in a few splits, rows in waves of bounded scratch.</summary>
internal sealed class PortablePlan : ExecutionPlan
{
    private const int ShortestSplit = 4096;
    private const int MostSplits = 16;
    private const int SlotsPerWave = 4096;

    public PortablePlan(CrossAttentionShape shape, CrossAttentionOptions options)
    {
        Parameters = new CrossAttentionParameters(shape, options);
        Splits = (int)Math.Clamp(shape.History.MaxLength / ShortestSplit, 1, MostSplits);
        RowsPerWave = (int)Math.Min(Math.Max(shape.Rows, 1), SlotsPerWave / Splits);
    }

    public CrossAttentionParameters Parameters { get; }

    /// <summary>Splits of every row's visible history; fixed by the longest one, so that a run never depends on scheduling.</summary>
    public int Splits { get; }

    /// <summary>Rows whose partial states are held at once.</summary>
    public int RowsPerWave { get; }

    public override long WorkspaceBytes => sizeof(float) * (((long)RowsPerWave * Splits * Parameters.StateWidth) + CrossAttentionBodies.KeyBlock);

    public override string Explain() =>
        $"portable: one work item per (row, split), {Splits} splits, blocks of {CrossAttentionBodies.KeyBlock} keys, waves of {RowsPerWave} rows; merge per row.";
}

using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>How a cross attention runs on an accelerator: every row's history in splits that keep its threads busy, rows in waves of bounded memory.</summary>
internal sealed class IlgpuPlan : ExecutionPlan
{
    /// <summary>Keys of a split, at least.</summary>
    private const int ShortestSplit = 1024;

    /// <summary>Splits that a long history has even where threads do not need them: three levels keep fp32 sums exact enough.</summary>
    private const int SplitsForAccuracy = 16;

    private const int MostSplits = 1024;

    private const long MostStateBytes = 64L << 20;

    public IlgpuPlan(CrossAttentionShape shape, CrossAttentionOptions options, int threads)
    {
        Parameters = new CrossAttentionParameters(shape, options);
        long rows = Math.Max(shape.Rows, 1);
        long wanted = Math.Clamp((threads + rows - 1) / rows, SplitsForAccuracy, MostSplits);
        Splits = (int)Math.Clamp(shape.History.MaxLength / ShortestSplit, 1, wanted);
        RowsPerWave = Math.Clamp(MostStateBytes / StateBytes / Splits, 1, rows);
        Workers = Math.Min(RowsPerWave * Splits, threads);
    }

    public CrossAttentionParameters Parameters { get; }

    /// <summary>Splits of every row's visible history; fixed by the longest one, so that a run never depends on scheduling.</summary>
    public int Splits { get; }

    /// <summary>Rows whose partial states are held at once.</summary>
    public long RowsPerWave { get; }

    /// <summary>Work items that run at a time.</summary>
    public long Workers { get; }

    public override long WorkspaceBytes => (RowsPerWave * Splits * StateBytes) + (Workers * CrossAttentionBodies.KeyBlock * sizeof(float));

    private long StateBytes => sizeof(float) * (long)Parameters.StateWidth;

    public override string Explain() =>
        $"ilgpu: one work item per (row, split), {Splits} splits, blocks of {CrossAttentionBodies.KeyBlock} keys, waves of {RowsPerWave} rows; merge per row.";
}

namespace LongSeqKernels.Portable;

/// <summary>The scalars of a cross attention, as kernel bodies take them.</summary>
public readonly struct CrossAttentionParameters
{
    /// <summary>Gathers what bodies need from a shape and its options.</summary>
    public CrossAttentionParameters(CrossAttentionShape shape, CrossAttentionOptions options)
    {
        Heads = shape.Heads;
        KeyValueHeads = shape.KeyValueHeads;
        HeadWidth = shape.HeadWidth;
        QueriesPerTarget = shape.QueriesPerTarget;
        BroadcastTargets = shape.BroadcastQueries ? shape.QueryTargets : 0;
        Form = shape.Form;
        Score = options.Score;
        Scale = options.EffectiveScale(shape);
        SoftCap = options.SoftCap;
        ScoreDivisor = options.ScoreDivisor;
    }

    /// <summary>H.</summary>
    public int Heads { get; }

    /// <summary>Hkv.</summary>
    public int KeyValueHeads { get; }

    /// <summary>dh, or D for shared history.</summary>
    public int HeadWidth { get; }

    /// <summary>nq.</summary>
    public int QueriesPerTarget { get; }

    /// <summary>M when all segments share M query targets, else 0.</summary>
    public long BroadcastTargets { get; }

    /// <summary>Whether values are the keys.</summary>
    public HistoryForm Form { get; }

    /// <summary>Score function.</summary>
    public AttentionScore Score { get; }

    /// <summary>Factor of q . k.</summary>
    public float Scale { get; }

    /// <summary>Soft cap of the logits, or 0.</summary>
    public float SoftCap { get; }

    /// <summary>Divisor of SiLU and identity scores, or 0 for their default.</summary>
    public float ScoreDivisor { get; }

    /// <summary>Query heads that read one key/value head.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>fp32 numbers of one partial state: a head's accumulator, its maximum and its sum.</summary>
    public int StateWidth => HeadWidth + 2;

    /// <summary>Factor of a row's SiLU or identity scores that sees <paramref name="visible"/> keys.</summary>
    public float ScoreFactor(long visible)
    {
        if (ScoreDivisor != 0)
        {
            return 1f / ScoreDivisor;
        }
        return Score == AttentionScore.Silu ? 1f / visible : 1f;
    }

    /// <summary>The logit before the bias of a scaled product.</summary>
    public float Cap(float scaled) => SoftCap == 0 ? scaled : SoftCap * BodyMath.Tanh(scaled / SoftCap);

    /// <summary>The derivative of <see cref="Cap"/>, from its result.</summary>
    public float CapDerivative(float capped)
    {
        if (SoftCap == 0)
        {
            return 1f;
        }
        float ratio = capped / SoftCap;
        return 1f - (ratio * ratio);
    }
}

/// <summary>Where a query row (target, query, head) finds its operands.</summary>
public readonly struct CrossAttentionRow
{
    /// <summary>Locates row <paramref name="row"/> of a target whose segment is known.</summary>
    public CrossAttentionRow(CrossAttentionParameters parameters, long row, long firstTarget, long historyStart, long historyLength, long limit)
    {
        long targetQuery = row / parameters.Heads;
        int head = (int)(row - (targetQuery * parameters.Heads));
        HistoryStart = historyStart;
        Visible = limit >= 0 && limit < historyLength ? limit : historyLength;
        KeyColumn = head / parameters.Group * parameters.HeadWidth;
        long sharedRows = parameters.BroadcastTargets == 0 ? 0 : firstTarget * parameters.QueriesPerTarget * parameters.Heads;
        QueryStart = (row - sharedRows) * parameters.HeadWidth;
    }

    /// <summary>First row of the history.</summary>
    public long HistoryStart { get; }

    /// <summary>History rows that this row sees.</summary>
    public long Visible { get; }

    /// <summary>First column of the row's key/value head in a history row.</summary>
    public int KeyColumn { get; }

    /// <summary>First element of the row's query.</summary>
    public long QueryStart { get; }

    /// <summary>Finds the segment of a row and locates it.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="targetOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="historyOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="limits"><c>[T]</c> or empty.</param>
    /// <param name="row">Row (target, query, head).</param>
    public static CrossAttentionRow Locate<TIndices>(CrossAttentionParameters parameters, TIndices targetOffsets, TIndices historyOffsets, TIndices limits, long row)
        where TIndices : struct, IIndexView, allows ref struct
    {
        long target = row / ((long)parameters.QueriesPerTarget * parameters.Heads);
        int segment = BodyMath.SegmentOf(targetOffsets, target);
        long historyStart = historyOffsets.Get(segment);
        return new CrossAttentionRow(
            parameters,
            row,
            targetOffsets.Get(segment),
            historyStart,
            historyOffsets.Get(segment + 1) - historyStart,
            limits.Length == 0 ? -1 : limits.Get(target));
    }
}

namespace LongSeqKernels;

/// <summary>
/// The buckets of a time gap (request time - event time): bucket 0 is a gap of 0 or less, then <see cref="PerOctave"/> buckets for every doubling of
/// <c>1 + gap / Unit</c>, the last one open-ended.
/// </summary>
/// <param name="Buckets">Number of rows of the table, 2 or more.</param>
/// <param name="Unit">The gap, in the unit of the times (seconds), below which gaps are hardly told apart.</param>
/// <param name="PerOctave">Buckets per doubling, 1 or more.</param>
public readonly record struct TimeBuckets(int Buckets, double Unit = 60, int PerOctave = 2)
{
    /// <summary>The bucket of a gap.</summary>
    public int Of(long gap) =>
        gap <= 0 ? 0 : Math.Min(Buckets - 1, 1 + (int)Math.Min(Buckets, PerOctave * Math.Log2(1 + (gap / Unit))));

    /// <summary>Refuses buckets that no embedding can have.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are less than two or more than 65,536 buckets, or an octave or the unit is out of range.</exception>
    public void Validate()
    {
        Check.Width(Buckets);
        if (Buckets < 2)
        {
            throw Error.Range(nameof(Buckets), Buckets, "2 or more");
        }
        Check.Width(PerOctave);
        if (!double.IsFinite(Unit) || Unit <= 0)
        {
            throw Error.Range(nameof(Unit), Unit, "finite and greater than 0");
        }
    }
}

/// <summary>Adds to every history row the embedding of its time gap to the request (the time-delta side information of STCA, arXiv 2511.06077).</summary>
public static class TimeEmbedding
{
    /// <summary>Adds <c>table[bucket(requestTime[segment] - eventTime[row])]</c> to each row, in place.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="buckets">How gaps become rows of the table.</param>
    /// <param name="segments">History rows per segment.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="requestTimes"><c>[segments]</c>.</param>
    /// <param name="eventTimes"><c>[total]</c>, in the same unit.</param>
    /// <param name="table"><c>[buckets, width]</c>.</param>
    /// <param name="rows"><c>[total, width]</c>, added to.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(
        LongSeqContext context,
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> table,
        Span<T> rows)
        where T : unmanaged
    {
        CheckInputs<T>(context, buckets, segments, width, requestTimes, eventTimes);
        Check.Length(table, (long)buckets.Buckets * width, "buckets * width");
        Check.Length(rows, segments.Total * width, "total * width");
        Check.Disjoint(rows, table);
        context.Kernels.TimeEmbedding(buckets, segments, width, requestTimes, eventTimes, table, rows);
    }

    /// <summary>Gradient of the table, overwritten; that of the rows is the output's own. Rows are summed in their order.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="buckets">As in the forward run.</param>
    /// <param name="segments">As in the forward run.</param>
    /// <param name="width">As in the forward run.</param>
    /// <param name="requestTimes">As in the forward run.</param>
    /// <param name="eventTimes">As in the forward run.</param>
    /// <param name="rowGradient"><c>[total, width]</c>.</param>
    /// <param name="tableGradient"><c>[buckets, width]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context,
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged
    {
        CheckInputs<T>(context, buckets, segments, width, requestTimes, eventTimes);
        Check.Length(rowGradient, segments.Total * width, "total * width");
        Check.Length(tableGradient, (long)buckets.Buckets * width, "buckets * width");
        Check.Disjoint(tableGradient, rowGradient);
        context.Kernels.TimeEmbeddingBackward(buckets, segments, width, requestTimes, eventTimes, rowGradient, tableGradient);
    }

    private static void CheckInputs<T>(
        LongSeqContext context, TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        buckets.Validate();
        Check.Width(width);
        Check.Length(requestTimes, segments.Count, "segments");
        Check.Length(eventTimes, segments.Total, "total");
    }
}

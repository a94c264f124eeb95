namespace LongSeqKernels;

/// <summary>The segments of rows that are visited in ascending order.</summary>
internal struct SegmentCursor
{
    private readonly JaggedLayout _segments;
    private int _segment;

    /// <param name="segments">The layout.</param>
    /// <param name="firstRow">The first row that will be asked for.</param>
    public SegmentCursor(JaggedLayout segments, long firstRow)
    {
        _segments = segments;
        int found = segments.Offsets.BinarySearch(firstRow);
        _segment = found < 0 ? ~found - 1 : found;
    }

    /// <summary>The segment of a row, which is not before any row asked for earlier.</summary>
    public int Of(long row)
    {
        while (_segments.Start(_segment + 1) <= row)
        {
            _segment++;
        }
        return _segment;
    }
}

namespace LongSeqKernels;

/// <summary>
/// The segments of a ragged batch cut into pieces of rows, by their lengths alone; an empty segment has none. Sums over a segment's pieces, added in
/// order, have the same bits on any number of threads.
/// </summary>
internal sealed class SegmentPieces
{
    private readonly JaggedLayout _segments;
    private readonly int[] _first;
    private readonly long _length;

    /// <param name="segments">The layout.</param>
    /// <param name="length">Rows of a piece; the last of a segment may have fewer.</param>
    public SegmentPieces(JaggedLayout segments, long length)
    {
        _segments = segments;
        _length = length;
        _first = new int[segments.Count + 1];
        for (int segment = 0; segment < segments.Count; segment++)
        {
            _first[segment + 1] = checked(_first[segment] + (int)((segments.Length(segment) + length - 1) / length));
        }
    }

    /// <summary>Pieces of all segments.</summary>
    public int Count => _first[^1];

    /// <summary>The first piece of a segment; that of the next segment ends them.</summary>
    public int First(int segment) => _first[segment];

    /// <summary>The segment of a piece.</summary>
    public int SegmentOf(int piece)
    {
        int low = 0;
        int high = _segments.Count;
        while (high - low > 1)
        {
            int middle = (low + high) >> 1;
            (low, high) = _first[middle] <= piece ? (middle, high) : (low, middle);
        }
        return low;
    }

    /// <summary>A piece's rows of the whole batch.</summary>
    public (long Begin, long End) Rows(int piece, int segment)
    {
        long begin = _segments.Start(segment) + ((piece - _first[segment]) * _length);
        return (begin, Math.Min(begin + _length, _segments.Start(segment + 1)));
    }
}

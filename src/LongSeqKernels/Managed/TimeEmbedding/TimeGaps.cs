using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>The time gaps of a ragged batch and the buckets they fall into.</summary>
internal readonly unsafe struct TimeGaps(TimeBuckets buckets, JaggedLayout segments, long* requestTimes, long* eventTimes)
{
    /// <summary>
    /// Logarithms of vectors differ from those of single numbers by a few units in the last place. So near a boundary, relative to the number of buckets
    /// before it, the single number decides.
    /// </summary>
    private const double Doubt = 1e-13;

    /// <summary>Finds the buckets of consecutive rows.</summary>
    /// <param name="begin">The first row.</param>
    /// <param name="end">The row after the last.</param>
    /// <param name="bucketOfRow">Result, one for each of these rows.</param>
    public void FindBuckets(long begin, long end, int* bucketOfRow)
    {
        var cursor = new SegmentCursor(segments, begin);
        while (begin < end)
        {
            int segment = cursor.Of(begin);
            int rows = (int)(Math.Min(end, segments.Start(segment + 1)) - begin);
            FindBuckets(requestTimes[segment], eventTimes + begin, rows, bucketOfRow);
            begin += rows;
            bucketOfRow += rows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindBuckets(long requestTime, long* times, int rows, int* bucketOfRow)
    {
        Vector512<double> one = Vector512<double>.One;
        Vector512<double> unit = Vector512.Create(buckets.Unit);
        Vector512<double> perOctave = Vector512.Create((double)buckets.PerOctave);
        Vector512<double> last = Vector512.Create(buckets.Buckets - 1.0);
        int row = 0;
        for (; row + Vector512<long>.Count <= rows; row += Vector512<long>.Count)
        {
            Vector512<long> gap = Vector512.Create(requestTime) - Vector512.Load(times + row);
            Vector512<double> position = perOctave * Vector512.Log2(one + (Vector512.ConvertToDouble(gap) / unit));
            Vector512<double> distance = Vector512.Abs(position - Vector512.Round(position));
            Vector512<double> bucket = Vector512.Min(Vector512.Floor(position) + one, last);
            bucket = Vector512.ConditionalSelect(Vector512.GreaterThan(gap, Vector512<long>.Zero).AsDouble(), bucket, Vector512<double>.Zero);
            Vector512<long> whole = Vector512.ConvertToInt64Native(bucket);
            Vector512.Narrow(whole, whole).GetLower().Store(bucketOfRow + row);
            ulong doubtful = Vector512.LessThan(distance, Vector512.Create(Doubt) * (position + one)).ExtractMostSignificantBits();
            for (; doubtful != 0; doubtful &= doubtful - 1)
            {
                int at = row + BitOperations.TrailingZeroCount(doubtful);
                bucketOfRow[at] = buckets.Of(requestTime - times[at]);
            }
        }
        for (; row < rows; row++)
        {
            bucketOfRow[row] = buckets.Of(requestTime - times[row]);
        }
    }
}

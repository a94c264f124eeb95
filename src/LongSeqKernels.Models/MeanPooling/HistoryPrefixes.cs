using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// The prefixes of the histories that a batch's targets see. A history is cut where a prefix ends, so that the sum over each prefix is a sum of sums over pieces and no event is
/// read twice.
/// </summary>
internal sealed class HistoryPrefixes
{
    private readonly int[] _firstPieces;
    private readonly int[] _lastPieces;
    private readonly long[] _lengths;

    private HistoryPrefixes(JaggedLayout pieces, int[] firstPieces, int[] lastPieces, long[] lengths)
    {
        Pieces = pieces;
        _firstPieces = firstPieces;
        _lastPieces = lastPieces;
        _lengths = lengths;
    }

    /// <summary>Events per piece, over all segments.</summary>
    public JaggedLayout Pieces { get; }

    /// <summary>Finds the prefixes of a checked batch.</summary>
    /// <exception cref="ArgumentException">A history limit is longer than its history, or negative.</exception>
    public static HistoryPrefixes Of(RequestBatch batch)
    {
        var pieces = new List<long>();
        var firstPieces = new int[batch.History.Count + 1];
        var lastPieces = new int[batch.Targets.Total];
        var lengths = new long[batch.Targets.Total];
        for (int segment = 0; segment < batch.History.Count; segment++)
        {
            int first = (int)batch.Targets.Start(segment);
            int end = (int)batch.Targets.Start(segment + 1);
            long events = batch.History.Length(segment);
            for (int target = first; target < end; target++)
            {
                lengths[target] = batch.HistoryLimits.IsEmpty ? events : batch.HistoryLimits.Span[target];
                if (lengths[target] < 0 || lengths[target] > events)
                {
                    throw Error.Range($"{nameof(batch.HistoryLimits)}[{target}]", lengths[target], $"from 0 to {events}, the events of its segment");
                }
            }
            long[] ends = [.. lengths[first..end].Append(events).Where(length => length > 0).Distinct().Order()];
            for (int target = first; target < end; target++)
            {
                lastPieces[target] = pieces.Count + Array.IndexOf(ends, lengths[target]);
            }
            for (int i = 0; i < ends.Length; i++)
            {
                pieces.Add(ends[i] - (i == 0 ? 0 : ends[i - 1]));
            }
            firstPieces[segment + 1] = pieces.Count;
        }
        return new HistoryPrefixes(JaggedLayout.FromLengths([.. pieces]), firstPieces, lastPieces, lengths);
    }

    /// <summary>Writes the mean over each target's prefix <c>[T, width]</c>; 0 where it is empty. Sums of pieces become sums of prefixes.</summary>
    public void Means(Span<float> sums, int width, Span<float> means)
    {
        for (int segment = 0; segment + 1 < _firstPieces.Length; segment++)
        {
            for (int piece = _firstPieces[segment] + 1; piece < _firstPieces[segment + 1]; piece++)
            {
                TensorPrimitives.Add(Row(sums, piece, width), Row(sums, piece - 1, width), Row(sums, piece, width));
            }
        }
        for (int target = 0; target < _lengths.Length; target++)
        {
            Span<float> mean = Row(means, target, width);
            if (_lengths[target] == 0)
            {
                mean.Clear();
                continue;
            }
            TensorPrimitives.Divide(Row(sums, _lastPieces[target], width), _lengths[target], mean);
        }
    }

    /// <summary>Writes the gradient of the sums over pieces.</summary>
    public void MeansBackward(ReadOnlySpan<float> meanGradients, int width, Span<float> sumGradients)
    {
        sumGradients.Clear();
        for (int target = 0; target < _lengths.Length; target++)
        {
            if (_lengths[target] > 0)
            {
                Span<float> sum = Row(sumGradients, _lastPieces[target], width);
                TensorPrimitives.MultiplyAdd(meanGradients.Slice(target * width, width), 1f / _lengths[target], sum, sum);
            }
        }
        for (int segment = 0; segment + 1 < _firstPieces.Length; segment++)
        {
            for (int piece = _firstPieces[segment + 1] - 1; piece > _firstPieces[segment]; piece--)
            {
                TensorPrimitives.Add(Row(sumGradients, piece - 1, width), Row(sumGradients, piece, width), Row(sumGradients, piece - 1, width));
            }
        }
    }

    private static Span<float> Row(Span<float> rows, int row, int width) => rows.Slice(row * width, width);
}

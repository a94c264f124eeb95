using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <content>Segment sum, mean and maximum.</content>
internal sealed unsafe partial class ManagedKernels
{
    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        var pieces = new SegmentPieces(segments, RowSums<T>.PieceRows);
        long partialStride = AlignedBuffer.AlignedFloats(width);
        long threadStride = AlignedBuffer.AlignedFloats(2L * width);
        int threads = _pool.ThreadsFor(Math.Max(pieces.Count, segments.Count));
        using AlignedBuffer scratch = _scratch.Rent(sizeof(float) * ((pieces.Count * partialStride) + (threads * threadStride)));
        fixed (T* inputStart = input, outputStart = output)
        {
            float* threadScratch = scratch.Floats + (pieces.Count * partialStride);
            var reducePieces = new ReducePieces<T>(
                reduction, pieces, width, inputStart, scratch.Floats, partialStride, threadScratch, threadStride);
            _pool.Run(ref reducePieces, pieces.Count);
            var reduceSegments = new ReduceSegments<T>(
                reduction, segments, pieces, width, outputStart, scratch.Floats, partialStride, threadScratch, threadStride);
            _pool.Run(ref reduceSegments, segments.Count);
        }
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        var pieces = new SegmentPieces(segments, RowSums<T>.PieceRows);
        long partialStride = AlignedBuffer.AlignedFloats(width);
        using AlignedBuffer scratch = _scratch.Rent(sizeof(float) * (pieces.Count + _pool.ThreadsFor(pieces.Count)) * partialStride);
        float* threadScratch = scratch.Floats + (pieces.Count * partialStride);
        fixed (T* inputStart = input, outputGradientStart = outputGradient, inputGradientStart = inputGradient)
        {
            if (reduction == SegmentReduction.Max)
            {
                inputGradient.Clear();
                var reducePieces = new ReducePieces<T>(reduction, pieces, width, inputStart, scratch.Floats, partialStride, threadScratch, partialStride);
                _pool.Run(ref reducePieces, pieces.Count);
                var columns = RowPieces.OfElements((long)segments.Count * width, RowSums<T>.PieceRows);
                var maximum = new MaximumBackward<T>(
                    columns, segments, pieces, width, inputStart, scratch.Floats, partialStride, outputGradientStart, inputGradientStart);
                _pool.Run(ref maximum, columns.Count);
            }
            else
            {
                var spread = new SpreadGradient<T>(
                    reduction, segments, pieces, width, outputGradientStart, inputGradientStart, threadScratch, partialStride);
                _pool.Run(ref spread, pieces.Count);
            }
        }
    }

    private readonly struct ReducePieces<T>(
        SegmentReduction reduction,
        SegmentPieces pieces,
        int width,
        T* input,
        float* partials,
        long partialStride,
        float* scratch,
        long scratchStride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            int segment = pieces.SegmentOf(item);
            (long first, long end) = pieces.Rows(item, segment);
            float* partial = partials + (item * partialStride);
            float* threadScratch = scratch + (thread * scratchStride);
            if (reduction == SegmentReduction.Max)
            {
                var maximum = new Span<float>(partial, width);
                maximum.Fill(float.NegativeInfinity);
                for (long row = first; row < end; row++)
                {
                    float* values = ElementRows<T>.AsSingle(input + (row * width), threadScratch, width);
                    TensorPrimitives.Max(maximum, new ReadOnlySpan<float>(values, width), maximum);
                }
            }
            else
            {
                RowSums<T>.SumPiece(input, null, first, (int)(end - first), width, partial, threadScratch);
            }
        }
    }

    private readonly struct ReduceSegments<T>(
        SegmentReduction reduction,
        JaggedLayout segments,
        SegmentPieces pieces,
        int width,
        T* output,
        float* partials,
        long partialStride,
        float* scratch,
        long scratchStride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            float* resultStart = scratch + (thread * scratchStride);
            var result = new Span<float>(resultStart, width);
            result.Clear();
            for (int piece = pieces.First(item); piece < pieces.First(item + 1); piece++)
            {
                var partial = new ReadOnlySpan<float>(partials + (piece * partialStride), width);
                if (piece == pieces.First(item))
                {
                    partial.CopyTo(result);
                }
                else if (reduction == SegmentReduction.Max)
                {
                    TensorPrimitives.Max(result, partial, result);
                }
                else
                {
                    TensorPrimitives.Add(result, partial, result);
                }
            }
            if (reduction == SegmentReduction.Mean && segments.Length(item) > 0)
            {
                TensorPrimitives.Divide(result, segments.Length(item), result);
            }
            ElementRows<T>.Narrow(resultStart, output + ((long)item * width), width);
        }
    }

    /// <summary>Every row of a segment gets the segment's gradient, or its share of it.</summary>
    private readonly struct SpreadGradient<T>(
        SegmentReduction reduction, JaggedLayout segments, SegmentPieces pieces, int width, T* outputGradient, T* inputGradient, float* scratch, long scratchStride)
        : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            int segment = pieces.SegmentOf(item);
            (long first, long end) = pieces.Rows(item, segment);
            float* share = scratch + (thread * scratchStride);
            ElementRows<T>.Widen(outputGradient + ((long)segment * width), share, width);
            if (reduction == SegmentReduction.Mean)
            {
                TensorPrimitives.Divide(new ReadOnlySpan<float>(share, width), segments.Length(segment), new Span<float>(share, width));
            }
            T* firstRow = inputGradient + (first * width);
            ElementRows<T>.Narrow(share, firstRow, width);
            for (long row = first + 1; row < end; row++)
            {
                new ReadOnlySpan<T>(firstRow, width).CopyTo(new Span<T>(inputGradient + (row * width), width));
            }
        }
    }

    /// <summary>The gradient of a segment's column goes to the first row that holds its maximum: in the first piece whose own maximum it is.</summary>
    private readonly struct MaximumBackward<T>(
        RowPieces columns,
        JaggedLayout segments,
        SegmentPieces pieces,
        int width,
        T* input,
        float* maxima,
        long maximaStride,
        T* outputGradient,
        T* inputGradient) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            for (long index = columns.Begin(item); index < columns.End(item); index++)
            {
                int segment = (int)(index / width);
                if (segments.Length(segment) > 0)
                {
                    long column = index % width;
                    inputGradient[(FirstMaximum(segment, column) * width) + column] = outputGradient[index];
                }
            }
        }

        private long FirstMaximum(int segment, long column)
        {
            int best = pieces.First(segment);
            for (int piece = best + 1; piece < pieces.First(segment + 1); piece++)
            {
                best = maxima[(piece * maximaStride) + column] > maxima[(best * maximaStride) + column] ? piece : best;
            }
            (long begin, long end) = pieces.Rows(best, segment);
            long first = begin;
            for (long row = begin + 1; row < end; row++)
            {
                first = Element<T>.ToSingle(input[(row * width) + column]) > Element<T>.ToSingle(input[(first * width) + column]) ? row : first;
            }
            return first;
        }
    }
}

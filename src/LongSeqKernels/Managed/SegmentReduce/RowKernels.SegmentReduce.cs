using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Segment sum, mean and maximum.
internal sealed unsafe partial class RowKernels<TSimd, TVector>(WorkerPool pool, ScratchPool scratch) : RowKernels
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public override void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
    {
        var pieces = new SegmentPieces(segments, RowSums<T, TSimd, TVector>.PieceRows);
        long stride = AlignedBuffer.AlignedFloats(width);
        int threads = pool.ThreadsFor(Math.Max(pieces.Count, segments.Count));
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * (pieces.Count + threads) * stride);
        fixed (T* inputStart = input, outputStart = output)
        {
            float* threadRows = buffer.Floats + (pieces.Count * stride);
            var reducePieces = new ReducePieces<T>(reduction, pieces, width, inputStart, buffer.Floats, threadRows, stride);
            pool.Run(ref reducePieces, pieces.Count);
            var reduceSegments = new ReduceSegments<T>(reduction, segments, pieces, width, outputStart, buffer.Floats, threadRows, stride);
            pool.Run(ref reduceSegments, segments.Count);
        }
    }

    public override void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
    {
        var pieces = new SegmentPieces(segments, RowSums<T, TSimd, TVector>.PieceRows);
        long stride = AlignedBuffer.AlignedFloats(width);
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * (pieces.Count + pool.ThreadsFor(pieces.Count)) * stride);
        float* threadRows = buffer.Floats + (pieces.Count * stride);
        fixed (T* inputStart = input, outputGradientStart = outputGradient, inputGradientStart = inputGradient)
        {
            if (reduction == SegmentReduction.Max)
            {
                inputGradient.Clear();
                var reducePieces = new ReducePieces<T>(reduction, pieces, width, inputStart, buffer.Floats, threadRows, stride);
                pool.Run(ref reducePieces, pieces.Count);
                var columns = RowPieces.OfElements((long)segments.Count * width, RowSums<T, TSimd, TVector>.PieceRows);
                var maximum = new MaximumBackward<T>(
                    columns, segments, pieces, width, inputStart, buffer.Floats, stride, outputGradientStart, inputGradientStart);
                pool.Run(ref maximum, columns.Count);
            }
            else
            {
                var spread = new SpreadGradient<T>(reduction, segments, pieces, width, outputGradientStart, inputGradientStart, threadRows, stride);
                pool.Run(ref spread, pieces.Count);
            }
        }
    }

    private readonly struct ReducePieces<T>(
        SegmentReduction reduction,
        SegmentPieces pieces,
        int width,
        T* input,
        float* partials,
        float* threadRows,
        long stride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            int segment = pieces.SegmentOf(item);
            (long first, long end) = pieces.Rows(item, segment);
            float* partial = partials + (item * stride);
            if (reduction == SegmentReduction.Max)
            {
                var maximum = new Span<float>(partial, width);
                maximum.Fill(float.NegativeInfinity);
                for (long row = first; row < end; row++)
                {
                    float* values = ElementRows<T>.AsSingle(input + (row * width), threadRows + (thread * stride), width);
                    TensorPrimitives.Max(maximum, new ReadOnlySpan<float>(values, width), maximum);
                }
            }
            else
            {
                RowSums<T, TSimd, TVector>.SumPiece(input, null, first, (int)(end - first), width, partial);
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
        float* threadRows,
        long stride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            float* resultStart = threadRows + (thread * stride);
            var result = new Span<float>(resultStart, width);
            result.Clear();
            for (int piece = pieces.First(item); piece < pieces.First(item + 1); piece++)
            {
                var partial = new ReadOnlySpan<float>(partials + (piece * stride), width);
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
        SegmentReduction reduction, JaggedLayout segments, SegmentPieces pieces, int width, T* outputGradient, T* inputGradient, float* threadRows, long stride)
        : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            int segment = pieces.SegmentOf(item);
            (long first, long end) = pieces.Rows(item, segment);
            float* share = threadRows + (thread * stride);
            ElementRows<T>.Widen(outputGradient + ((long)segment * width), share, width);
            if (reduction == SegmentReduction.Mean)
            {
                TensorPrimitives.Divide(new ReadOnlySpan<float>(share, width), segments.Length(segment), new Span<float>(share, width));
            }
            T* firstRow = inputGradient + (first * width);
            ElementRows<T>.Narrow(share, firstRow, width);
            Repeat(firstRow, width, end - first - 1);
        }

        /// <summary>Copies a row to the rows that follow it.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Repeat(T* source, int width, long times)
        {
            int elements = TSimd.Count * sizeof(float) / sizeof(T);
            T* target = source + width;
            for (; times > 0; times--, target += width)
            {
                int x = 0;
                for (; x + elements <= width; x += elements)
                {
                    TSimd.Store(TSimd.Load((float*)(source + x)), (float*)(target + x));
                }
                new ReadOnlySpan<T>(source + x, width - x).CopyTo(new Span<T>(target + x, width - x));
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

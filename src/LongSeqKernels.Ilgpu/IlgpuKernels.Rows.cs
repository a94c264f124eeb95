using System.Runtime.InteropServices;

namespace LongSeqKernels.Ilgpu;

/// <content>Merge of states, segment reduction, time embedding, summary codec.</content>
internal sealed partial class IlgpuKernels
{
    public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        using var call = new DeviceCall(_device);
        var work = new MergeStatesWork
        {
            Parts = parts,
            Rows = rows,
            Width = width,
            Outputs = call.Tensor(outputs),
            LogSumExps = call.Tensor(logSumExps),
            Output = call.Tensor<float>(output.Length),
            LogSumExp = call.Tensor<float>(logSumExp.Length),
        };
        call.Launch(work, rows);
        call.Fetch(work.Output, output);
        call.Fetch(work.LogSumExp, logSumExp);
    }

    public void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients)
    {
        using var call = new DeviceCall(_device);
        var work = new MergeStatesBackwardWork
        {
            Parts = parts,
            Rows = rows,
            Width = width,
            Outputs = call.Tensor(outputs),
            LogSumExps = call.Tensor(logSumExps),
            OutputGradient = call.Tensor(outputGradient),
            LogSumExpGradient = call.Tensor(logSumExpGradient),
            OutputGradients = call.Tensor<float>(outputGradients.Length),
            LogSumExpGradients = call.Tensor<float>(logSumExpGradients.Length),
        };
        call.Launch(work, rows);
        call.Fetch(work.OutputGradients, outputGradients);
        call.Fetch(work.LogSumExpGradients, logSumExpGradients);
    }

    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        var work = new SegmentReduceWork
        {
            Reduction = reduction,
            Offsets = call.Indices(segments.Offsets),
            Width = width,
            Input = call.Tensor(input),
            Output = call.Tensor<T>(output.Length),
        };
        call.Launch(work, output.Length);
        call.Fetch(work.Output, output);
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        var work = new SegmentReduceBackwardWork
        {
            Reduction = reduction,
            Offsets = call.Indices(segments.Offsets),
            Width = width,
            Input = call.Tensor(input),
            OutputGradient = call.Tensor(outputGradient),
            InputGradient = call.Tensor<T>(inputGradient.Length),
        };
        call.Launch(work, outputGradient.Length);
        call.Fetch(work.InputGradient, inputGradient);
    }

    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        var work = new TimeEmbeddingWork
        {
            Width = width,
            BucketOfRow = BucketsOf(call, buckets, segments, requestTimes, eventTimes),
            Table = call.Tensor(table),
            Rows = call.Tensor(rows, OutputMode.Add),
        };
        call.Launch(work, segments.Total);
        call.Fetch(work.Rows, rows);
    }

    public void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        WorkerScratch scratch = call.Scratch(buckets.Buckets, 2 * width);
        var work = new TimeEmbeddingBackwardWork
        {
            Width = width,
            BucketOfRow = BucketsOf(call, buckets, segments, requestTimes, eventTimes),
            RowGradient = call.Tensor(rowGradient),
            TableGradient = call.Tensor<T>(tableGradient.Length),
            Scratch = scratch,
        };
        call.Launch(work, buckets.Buckets, scratch);
        call.Fetch(work.TableGradient, tableGradient);
    }

    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        using var call = new DeviceCall(_device);
        if (encoding == SummaryEncoding.Float16)
        {
            var copy = new SummaryCopyWork { Width = width, Input = call.Tensor(input), Output = call.Tensor<Half>(input.Length) };
            call.Launch(copy, scales.Length);
            call.Fetch(copy.Output, MemoryMarshal.Cast<byte, Half>(codes));
            scales.Fill(1f);
            return;
        }
        var work = new SummaryEncodeWork
        {
            Encoding = encoding,
            Width = width,
            RowBytes = SummaryCodec.RowBytes(encoding, width),
            Input = call.Tensor(input),
            Codes = call.Bytes(codes.Length),
            Scales = call.Tensor<float>(scales.Length),
        };
        call.Launch(work, scales.Length);
        call.Fetch(work.Codes, codes);
        call.Fetch(work.Scales, scales);
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        using var call = new DeviceCall(_device);
        TensorView result = call.Tensor<float>(output.Length);
        if (encoding == SummaryEncoding.Float16)
        {
            TensorView halves = call.Tensor(MemoryMarshal.Cast<byte, Half>(codes));
            call.Launch(new SummaryCopyWork { Width = width, Input = halves, Output = result }, scales.Length);
        }
        else
        {
            var work = new SummaryDecodeWork
            {
                Encoding = encoding,
                Width = width,
                RowBytes = SummaryCodec.RowBytes(encoding, width),
                Codes = call.Bytes(codes),
                Scales = call.Tensor(scales),
                Output = result,
            };
            call.Launch(work, scales.Length);
        }
        call.Fetch(result, output);
    }

    /// <summary>The bucket of every row. Found on the host, in fp64: every device then sees the same ones.</summary>
    private static TensorView BucketsOf(
        DeviceCall call, TimeBuckets buckets, JaggedLayout segments, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes)
    {
        var bucketOfRow = new float[segments.Total];
        for (int segment = 0; segment < segments.Count; segment++)
        {
            long start = segments.Start(segment);
            for (long row = start; row < start + segments.Length(segment); row++)
            {
                bucketOfRow[row] = buckets.Of(requestTimes[segment] - eventTimes[(int)row]);
            }
        }
        return call.Tensor<float>(bucketOfRow);
    }
}

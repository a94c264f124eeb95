namespace LongSeqKernels.Native;

/// <content>Segment reduction, time embedding, summary codec.</content>
internal sealed partial class NativeKernels
{
    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        NativeSegmentReducePlan<T> plan = ReducePlan<T>(reduction, segments, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> outputs = lane.Result(output);
        plan.Forward(lane.Stream, lane.Upload(input), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        NativeSegmentReducePlan<T> plan = ReducePlan<T>(reduction, segments, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> inputs = lane.Result(inputGradient);
        plan.Backward(lane.Stream, lane.Upload(input), lane.Upload(outputGradient), inputs, lane.Backward(plan));
        lane.Download(inputs, inputGradient);
    }

    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        NativeTimeEmbeddingPlan<T> plan = EmbeddingPlan<T>(buckets, segments, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> sums = lane.Upload(rows);
        plan.Forward(lane.Stream, lane.Upload(requestTimes), lane.Upload(eventTimes), lane.Upload(table), sums, lane.Forward(plan));
        lane.Download(sums, rows);
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
        NativeTimeEmbeddingPlan<T> plan = EmbeddingPlan<T>(buckets, segments, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> table = lane.Result(tableGradient);
        plan.Backward(lane.Stream, lane.Upload(requestTimes), lane.Upload(eventTimes), lane.Upload(rowGradient), table, lane.Backward(plan));
        lane.Download(table, tableGradient);
    }

    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        NativeSummaryCodecPlan plan = CodecPlan(encoding, scales.Length, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<byte> encoded = lane.Result(codes);
        DeviceSlice<float> rowScales = lane.Result(scales);
        plan.Encode(lane.Stream, lane.Upload(input), encoded, rowScales, lane.Forward(plan));
        lane.Download(encoded, codes);
        lane.Download(rowScales, scales);
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        NativeSummaryCodecPlan plan = CodecPlan(encoding, scales.Length, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<float> outputs = lane.Result(output);
        plan.Decode(lane.Stream, lane.Upload(codes), lane.Upload(scales), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
    }

    private NativeSegmentReducePlan<T> ReducePlan<T>(SegmentReduction reduction, JaggedLayout segments, int width)
        where T : unmanaged =>
        _plans.Get((reduction, segments, width), key => NativeSegmentReducePlan<T>.Create(Device, key.reduction, key.segments, key.width));

    private NativeTimeEmbeddingPlan<T> EmbeddingPlan<T>(TimeBuckets buckets, JaggedLayout segments, int width)
        where T : unmanaged =>
        _plans.Get((buckets, segments, width), key => NativeTimeEmbeddingPlan<T>.Create(Device, key.buckets, key.segments, key.width));

    private NativeSummaryCodecPlan CodecPlan(SummaryEncoding encoding, int rows, int width) =>
        _plans.Get((encoding, rows, width), key => NativeSummaryCodecPlan.Create(Device, key.encoding, key.rows, key.width));
}

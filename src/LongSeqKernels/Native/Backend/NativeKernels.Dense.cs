namespace LongSeqKernels.Native;

/// <content>Linear layers, layer norm, gated FFN.</content>
internal sealed partial class NativeKernels
{
    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged
    {
        NativeLinearPlan<T> plan = LinearPlan<T>(shape, mode);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> outputs = lane.Result(output, mode);
        plan.Forward(lane.Stream, lane.Upload(input), lane.Upload(weight), lane.Upload(bias), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
    }

    public void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged
    {
        NativeLinearPlan<T> plan = LinearPlan<T>(shape, mode);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> inputs = lane.Result(inputGradient, mode);
        DeviceSlice<T> weights = lane.Result(weightGradient, mode);
        DeviceSlice<T> biases = lane.Result(biasGradient, mode);
        plan.Backward(
            lane.Stream, lane.Upload(input), lane.Upload(weight), lane.Upload(outputGradient), inputs, weights, biases, lane.Backward(plan));
        lane.Download(inputs, inputGradient);
        lane.Download(weights, weightGradient);
        lane.Download(biases, biasGradient);
    }

    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        NativeLayerNormPlan<T> plan = LayerNormPlan<T>(rows, width, epsilon);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> outputs = lane.Result(output);
        plan.Forward(lane.Stream, lane.Upload(input), lane.Upload(gain), lane.Upload(bias), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
    }

    public void LayerNormBackward<T>(
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
        where T : unmanaged
    {
        NativeLayerNormPlan<T> plan = LayerNormPlan<T>(rows, width, epsilon);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> inputs = lane.Result(inputGradient);
        DeviceSlice<T> gains = lane.Result(gainGradient);
        DeviceSlice<T> biases = lane.Result(biasGradient);
        plan.Backward(lane.Stream, lane.Upload(input), lane.Upload(gain), lane.Upload(outputGradient), inputs, gains, biases, lane.Backward(plan));
        lane.Download(inputs, inputGradient);
        lane.Download(gains, gainGradient);
        lane.Download(biases, biasGradient);
    }

    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        NativeGatedFfnPlan<T> plan = GatedFfnPlan<T>(shape, OutputMode.Overwrite);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> outputs = lane.Result(output);
        plan.Forward(lane.Stream, lane.Upload(input), Upload(lane, weights), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
    }

    public void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        NativeGatedFfnPlan<T> plan = GatedFfnPlan<T>(shape, mode);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> inputs = lane.Result(inputGradient, mode);
        var results = new NativeGatedFfnTensors<T>
        {
            Up = lane.Result(gradients.Up, mode),
            Gate = lane.Result(gradients.Gate, mode),
            Down = lane.Result(gradients.Down, mode),
            UpBias = lane.Result(gradients.UpBias, mode),
            GateBias = lane.Result(gradients.GateBias, mode),
            DownBias = lane.Result(gradients.DownBias, mode),
            NormGain = lane.Result(gradients.NormGain, mode),
            NormBias = lane.Result(gradients.NormBias, mode),
        };
        plan.Backward(lane.Stream, lane.Upload(input), Upload(lane, weights), lane.Upload(outputGradient), inputs, results, lane.Backward(plan));
        lane.Download(inputs, inputGradient);
        lane.Download(results.Up, gradients.Up);
        lane.Download(results.Gate, gradients.Gate);
        lane.Download(results.Down, gradients.Down);
        lane.Download(results.UpBias, gradients.UpBias);
        lane.Download(results.GateBias, gradients.GateBias);
        lane.Download(results.DownBias, gradients.DownBias);
        lane.Download(results.NormGain, gradients.NormGain);
        lane.Download(results.NormBias, gradients.NormBias);
    }

    private static NativeGatedFfnTensors<T> Upload<T>(RentedLane lane, GatedFfnWeights<T> weights)
        where T : unmanaged => new()
        {
            Up = lane.Upload(weights.Up),
            Gate = lane.Upload(weights.Gate),
            Down = lane.Upload(weights.Down),
            UpBias = lane.Upload(weights.UpBias),
            GateBias = lane.Upload(weights.GateBias),
            DownBias = lane.Upload(weights.DownBias),
            NormGain = lane.Upload(weights.NormGain),
            NormBias = lane.Upload(weights.NormBias),
        };

    private NativeLinearPlan<T> LinearPlan<T>(LinearShape shape, OutputMode mode)
        where T : unmanaged => _plans.Get((shape, mode), key => NativeLinearPlan<T>.Create(Device, key.shape, key.mode));

    private NativeLayerNormPlan<T> LayerNormPlan<T>(int rows, int width, float epsilon)
        where T : unmanaged => _plans.Get((rows, width, epsilon), key => NativeLayerNormPlan<T>.Create(Device, key.rows, key.width, key.epsilon));

    private NativeGatedFfnPlan<T> GatedFfnPlan<T>(GatedFfnShape shape, OutputMode mode)
        where T : unmanaged => _plans.Get((shape, mode), key => NativeGatedFfnPlan<T>.Create(Device, key.shape, key.mode));
}

using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <content>Cross attention forward.</content>
internal sealed partial class IlgpuKernels
{
    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) =>
        new IlgpuPlan(shape, options, _device.Accelerator.MaxNumThreads);

    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        using var call = new DeviceCall(_device);
        TensorView keys = call.Tensor(inputs.Keys);
        TensorView values = plan.Shape.Form == HistoryForm.Shared ? keys : call.Tensor(inputs.Values);
        CrossAttentionOperands operands = Operands(call, plan, inputs.Queries, inputs.KeyBias);
        Attend(
            call, plan, output, logSumExp,
            wave => new AttentionPartialWork { Operands = operands, Wave = wave, Keys = keys, Values = values });
    }

    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        using var call = new DeviceCall(_device);
        EncodedHistory keys = Encoded(call, plan.Shape, inputs.Keys);
        EncodedHistory values = plan.Shape.Form == HistoryForm.Shared ? keys : Encoded(call, plan.Shape, inputs.Values);
        CrossAttentionOperands operands = Operands(call, plan, inputs.Queries, inputs.KeyBias);
        Attend(
            call, plan, output, logSumExp,
            wave => new EncodedAttentionPartialWork { Operands = operands, Wave = wave, Keys = keys, Values = values });
    }

    /// <summary>The partial states of the rows, wave by wave, and their merge.</summary>
    private static void Attend<TPartial, TOutput>(
        DeviceCall call, CrossAttentionPlan plan, Span<TOutput> output, Span<float> logSumExp, Func<AttentionWave, TPartial> partial)
        where TPartial : struct, IWork
        where TOutput : unmanaged
    {
        var execution = (IlgpuPlan)plan.Execution;
        CrossAttentionParameters parameters = execution.Parameters;
        TensorView result = call.Tensor<TOutput>(output.Length);
        TensorView normalisers = call.Tensor<float>(logSumExp.Length);
        TensorView states = call.Tensor<float>(execution.RowsPerWave * execution.Splits * parameters.StateWidth);
        WorkerScratch logits = call.Scratch(execution.Workers, CrossAttentionBodies.KeyBlock);
        for (long first = 0; first < plan.Shape.Rows; first += execution.RowsPerWave)
        {
            var wave = new AttentionWave
            {
                FirstRow = first,
                Rows = Math.Min(execution.RowsPerWave, plan.Shape.Rows - first),
                Splits = execution.Splits,
                States = states,
                Logits = logits,
            };
            call.Launch(partial(wave), wave.Rows * wave.Splits, logits);
            call.Launch(new AttentionMergeWork { Parameters = parameters, Wave = wave, Output = result, LogSumExp = normalisers }, wave.Rows);
        }
        call.Fetch(result, output);
        call.Fetch(normalisers, logSumExp);
    }

    private static CrossAttentionOperands Operands<T>(DeviceCall call, CrossAttentionPlan plan, ReadOnlySpan<T> queries, ReadOnlySpan<float> keyBias)
        where T : unmanaged => new()
        {
            Parameters = ((IlgpuPlan)plan.Execution).Parameters,
            TargetOffsets = call.Indices(plan.Shape.Targets.Offsets),
            HistoryOffsets = call.Indices(plan.Shape.History.Offsets),
            Limits = call.Indices(plan.Shape.HistoryLimits.Span),
            Queries = call.Tensor(queries),
            KeyBias = call.Tensor(keyBias),
        };

    private static EncodedHistory Encoded(DeviceCall call, CrossAttentionShape shape, EncodedRows rows) => new()
    {
        Encoding = shape.HistoryEncoding!.Value,
        Width = shape.HeadWidth,
        RowBytes = SummaryCodec.RowBytes(shape.HistoryEncoding.Value, shape.HeadWidth),
        Codes = call.Bytes(rows.Codes),
        Scales = call.Tensor(rows.Scales),
    };
}

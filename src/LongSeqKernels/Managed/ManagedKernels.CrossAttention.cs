using System.Runtime.Intrinsics;

namespace LongSeqKernels;

// Cross attention, forward.
internal sealed unsafe partial class ManagedKernels
{
    /// <inheritdoc/>
    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) => AttentionPartition.Plan(shape, _simd, _pool.Threads);

    /// <inheritdoc/>
    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        switch (_simd)
        {
            case SimdLevel.Vector512:
                RunCrossAttention<Simd512, Vector512<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
            case SimdLevel.Vector256:
                RunCrossAttention<Simd256, Vector256<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
            default:
                RunCrossAttention<Simd128, Vector128<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
        }
    }

    /// <inheritdoc/>
    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        switch (_simd)
        {
            case SimdLevel.Vector512:
                RunCrossAttentionEncoded<Simd512, Vector512<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
            case SimdLevel.Vector256:
                RunCrossAttentionEncoded<Simd256, Vector256<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
            default:
                RunCrossAttentionEncoded<Simd128, Vector128<float>, T, TOutput>(plan, inputs, output, logSumExp);
                break;
        }
    }

    private void RunCrossAttention<TSimd, TVector, T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
        where TOutput : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        fixed (T* keys = inputs.Keys)
        fixed (T* values = inputs.Values)
        {
            Attend<TSimd, TVector, T, TOutput, PlainRows<T>, T>(
                plan,
                inputs.Queries,
                new PlainRows<T>(keys, shape.KeyValueHeads, shape.HeadWidth),
                new PlainRows<T>(values, shape.KeyValueHeads, shape.HeadWidth),
                inputs.KeyBias,
                output,
                logSumExp);
        }
    }

    private void RunCrossAttentionEncoded<TSimd, TVector, T, TOutput>(
        CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
        where TOutput : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        SummaryEncoding encoding = shape.HistoryEncoding!.Value;
        fixed (byte* keys = inputs.Keys.Codes)
        fixed (float* keyScales = inputs.Keys.Scales)
        fixed (byte* values = inputs.Values.Codes)
        fixed (float* valueScales = inputs.Values.Scales)
        {
            Attend<TSimd, TVector, T, TOutput, DecodedRows<TSimd, TVector>, float>(
                plan,
                inputs.Queries,
                new DecodedRows<TSimd, TVector>(encoding, keys, keyScales, shape.KeyValueHeads, shape.HeadWidth),
                new DecodedRows<TSimd, TVector>(encoding, values, valueScales, shape.KeyValueHeads, shape.HeadWidth),
                inputs.KeyBias,
                output,
                logSumExp);
        }
    }

    private void Attend<TSimd, TVector, T, TOutput, THistory, TElement>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queryRows,
        THistory keys,
        THistory values,
        ReadOnlySpan<float> biases,
        Span<TOutput> output,
        Span<float> logSumExp)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
        where TOutput : unmanaged
        where THistory : struct, IHistoryRows<TElement>
        where TElement : unmanaged
    {
        var execution = (ManagedCrossAttentionPlan)plan.Execution;
        using AlignedBuffer workspace = _scratch.Rent(execution.WorkspaceBytes);
        fixed (T* queries = queryRows)
        fixed (float* keyBias = biases)
        fixed (TOutput* outputRows = output)
        fixed (float* logSumExpRows = logSumExp)
        {
            var work = new AttentionWork<TSimd, TVector, T, TOutput, THistory, TElement>(
                plan, execution, queries, keys, values, keyBias, outputRows, logSumExpRows, workspace.Floats);
            _pool.Run(ref work, execution.Tasks);
        }
    }
}

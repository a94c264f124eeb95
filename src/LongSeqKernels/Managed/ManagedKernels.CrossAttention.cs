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

    private void RunCrossAttention<TSimd, TVector, T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
        where TOutput : unmanaged
    {
        var execution = (ManagedCrossAttentionPlan)plan.Execution;
        using AlignedBuffer workspace = _scratch.Rent(execution.WorkspaceBytes);
        fixed (T* queries = inputs.Queries)
        fixed (T* keys = inputs.Keys)
        fixed (T* values = inputs.Values)
        fixed (float* keyBias = inputs.KeyBias)
        fixed (TOutput* outputRows = output)
        fixed (float* logSumExpRows = logSumExp)
        {
            var work = new AttentionWork<TSimd, TVector, T, TOutput>(
                plan, execution, queries, keys, values, keyBias, outputRows, logSumExpRows, workspace.Floats);
            _pool.Run(ref work, execution.Tasks);
        }
    }
}

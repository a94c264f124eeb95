using System.Runtime.Intrinsics;

namespace LongSeqKernels;

// Cross attention, backward.
internal sealed unsafe partial class ManagedKernels
{
    /// <inheritdoc/>
    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged
    {
        switch (_simd)
        {
            case SimdLevel.Vector512:
                RunCrossAttentionBackward<Simd512, Vector512<float>, T>(plan, inputs, gradients);
                break;
            case SimdLevel.Vector256:
                RunCrossAttentionBackward<Simd256, Vector256<float>, T>(plan, inputs, gradients);
                break;
            default:
                RunCrossAttentionBackward<Simd128, Vector128<float>, T>(plan, inputs, gradients);
                break;
        }
    }

    private void RunCrossAttentionBackward<TSimd, TVector, T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        var partition = new BackwardPartition(shape, _pool.Threads);
        var layout = new BackwardScratch(shape);
        long totalFloats = shape.BroadcastQueries && shape.Targets.Count > 0 ? AlignedBuffer.AlignedFloats(BackwardPartition.SlotFloats(shape, 0)) : 0;
        long slotFloats = AlignedBuffer.AlignedFloats(partition.SlotsFloats);
        using AlignedBuffer buffer = _scratch.Rent((totalFloats + slotFloats + (_pool.Threads * layout.Floats)) * sizeof(float));
        var carver = new Carver(buffer.Floats);
        float* total = carver.Take(totalFloats);
        new Span<float>(total, checked((int)totalFloats)).Clear();
        fixed (T* queries = inputs.Queries, keys = inputs.Keys, values = inputs.Values, output = gradients.Output, outputGradient = gradients.OutputGradient)
        fixed (T* queryGradient = gradients.Queries, keyGradient = gradients.Keys, valueGradient = gradients.Values)
        fixed (float* keyBias = inputs.KeyBias, keyBiasGradient = gradients.KeyBias)
        fixed (float* logSumExp = gradients.LogSumExp, logSumExpGradient = gradients.LogSumExpGradient)
        {
            var work = new BackwardWork<TSimd, TVector, T>
            {
                Partition = partition,
                Shape = shape,
                Options = plan.Options,
                Layout = layout,
                Queries = queries,
                Keys = keys,
                Values = values,
                KeyBias = keyBias,
                Output = output,
                LogSumExp = logSumExp,
                OutputGradient = outputGradient,
                LogSumExpGradient = logSumExpGradient,
                QueryGradient = queryGradient,
                KeyGradient = keyGradient,
                ValueGradient = valueGradient,
                KeyBiasGradient = keyBiasGradient,
                Slots = carver.Take(slotFloats),
                Scratch = carver.Take(0),
            };
            var sums = new SumSlotsWork<T>
            {
                Partition = partition,
                Shape = shape,
                Slots = work.Slots,
                QueryGradient = queryGradient,
                Total = shape.BroadcastQueries ? total : null,
                Parts = 2 * _pool.Threads,
            };
            for (int wave = 0; wave < partition.Waves; wave++)
            {
                work.Wave = wave;
                sums.Wave = wave;
                _pool.Run(ref work, partition.Count(wave));
                if (queryGradient != null && partition.SlotsFloats > 0)
                {
                    _pool.Run(ref sums, sums.Items);
                }
            }
            if (queryGradient != null && totalFloats > 0)
            {
                sums.StoreRows(total, 0, BackwardPartition.SlotFloats(shape, 0), 0);
            }
        }
    }
}

using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <content>Cross attention backward.</content>
internal sealed partial class IlgpuKernels
{
    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        CrossAttentionParameters parameters = ((IlgpuPlan)plan.Execution).Parameters;
        long rows = parameters.Score == AttentionScore.Softmax ? shape.Rows : 0;
        using var call = new DeviceCall(_device);
        TensorView keys = call.Tensor(inputs.Keys);
        TensorView outputGradient = call.Tensor(gradients.OutputGradient);
        TensorView rowTerms = call.Tensor<float>(rows);
        call.Launch(
            new RowTermWork
            {
                Parameters = parameters,
                Output = call.Tensor(gradients.Output),
                OutputGradient = outputGradient,
                LogSumExpGradient = call.Tensor(gradients.LogSumExpGradient),
                RowTerms = rowTerms,
            },
            rows);
        var operands = new CrossAttentionBackwardOperands
        {
            Forward = Operands(call, plan, inputs.Queries, inputs.KeyBias),
            Keys = keys,
            Values = shape.Form == HistoryForm.Shared ? keys : call.Tensor(inputs.Values),
            LogSumExp = call.Tensor(gradients.LogSumExp),
            RowTerms = rowTerms,
            OutputGradient = outputGradient,
        };
        TensorView queryGradient = call.Tensor<T>(gradients.Queries.Length);
        long queryRows = queryGradient.Length / parameters.HeadWidth;
        WorkerScratch queryScratch = call.Scratch(queryRows, parameters.HeadWidth + CrossAttentionBodies.KeyBlock);
        call.Launch(new QueryGradientWork { Operands = operands, QueryGradient = queryGradient, Scratch = queryScratch }, queryRows, queryScratch);

        TensorView keyGradient = call.Tensor<T>(gradients.Keys.Length);
        TensorView valueGradient = call.Tensor<T>(gradients.Values.Length);
        TensorView biasGradient = call.Tensor<float>(gradients.KeyBias.Length);
        long historyRows = keyGradient.Length + valueGradient.Length + biasGradient.Length == 0 ? 0 : shape.History.Total;
        WorkerScratch historyScratch = call.Scratch(historyRows, 2 * parameters.HeadWidth);
        call.Launch(
            new HistoryGradientWork
            {
                Operands = operands,
                KeyGradient = keyGradient,
                ValueGradient = valueGradient,
                BiasGradient = biasGradient,
                Scratch = historyScratch,
            },
            historyRows,
            historyScratch);
        call.Fetch(queryGradient, gradients.Queries);
        call.Fetch(keyGradient, gradients.Keys);
        call.Fetch(valueGradient, gradients.Values);
        call.Fetch(biasGradient, gradients.KeyBias);
    }
}

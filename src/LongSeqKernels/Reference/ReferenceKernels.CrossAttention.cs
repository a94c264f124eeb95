namespace LongSeqKernels;

// Cross attention: o = sum_j w_j v_j over the visible keys, w = score(x), x_j = cap(scale * q . k_j) + bias_j.
internal sealed partial class ReferenceKernels
{
    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) => new ReferencePlan(shape);

    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged => Attend(plan, inputs.Queries, inputs.Keys, inputs.Values, inputs.KeyBias, output, logSumExp);

    /// <summary>An encoded history is what its decoded rows are.</summary>
    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged =>
        Attend<T, float, TOutput>(plan, inputs.Queries, Decoded(plan.Shape, inputs.Keys), Decoded(plan.Shape, inputs.Values), inputs.KeyBias, output, logSumExp);

    private float[] Decoded(CrossAttentionShape shape, EncodedRows rows)
    {
        var decoded = new float[rows.Scales.Length * shape.HeadWidth];
        SummaryDecode(shape.HistoryEncoding!.Value, shape.HeadWidth, rows.Codes, rows.Scales, decoded);
        return decoded;
    }

    private static void Attend<T, THistory, TOutput>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<THistory> keys,
        ReadOnlySpan<THistory> values,
        ReadOnlySpan<float> keyBias,
        Span<TOutput> output,
        Span<float> logSumExp)
        where T : unmanaged
        where THistory : unmanaged
        where TOutput : unmanaged
    {
        int width = plan.Shape.HeadWidth;
        var logits = new double[plan.Shape.History.MaxLength];
        var weights = new double[plan.Shape.History.MaxLength];
        foreach (AttentionRow row in AttentionRows(plan.Shape))
        {
            Logits(plan, queries, keys, keyBias, row, logits);
            double rowLogSumExp = Weights(plan.Options, row, logits, weights);

            var sum = new double[width];
            for (int j = 0; j < row.Visible; j++)
            {
                AddScaled(sum, weights[j], Row(values, row.HistoryRow(j), width));
            }
            Store(sum, Row(output, row.Index, width));
            if (!logSumExp.IsEmpty)
            {
                logSumExp[checked((int)row.Index)] = (float)rowLogSumExp;
            }
        }
    }

    /// <summary>Recomputes output and LSE instead of reading the forward's, so that its gradients carry no rounding but their own.</summary>
    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        int width = shape.HeadWidth;
        double scale = plan.Options.EffectiveScale(shape);
        var queryGradient = new double[inputs.Queries.Length];
        var keyGradient = new double[inputs.Keys.Length];
        double[] valueGradient = shape.Form == HistoryForm.Shared ? keyGradient : new double[inputs.Values.Length];
        var keyBiasGradient = new double[shape.History.Total];

        var logits = new double[shape.History.MaxLength];
        var weights = new double[shape.History.MaxLength];
        var weightGradients = new double[shape.History.MaxLength];
        foreach (AttentionRow row in AttentionRows(shape))
        {
            Logits(plan, inputs.Queries, inputs.Keys, inputs.KeyBias, row, logits);
            Weights(plan.Options, row, logits, weights);
            ReadOnlySpan<T> outputGradient = Row(gradients.OutputGradient, row.Index, width);
            double meanWeightGradient = 0;
            for (int j = 0; j < row.Visible; j++)
            {
                AddScaled(Row(valueGradient, row.HistoryRow(j), width), weights[j], outputGradient);
                weightGradients[j] = Dot(outputGradient, Row(inputs.Values, row.HistoryRow(j), width));
                meanWeightGradient += weights[j] * weightGradients[j];
            }

            double logSumExpGradient = gradients.LogSumExpGradient.IsEmpty ? 0 : gradients.LogSumExpGradient[checked((int)row.Index)];
            ReadOnlySpan<T> query = Row(inputs.Queries, row.QueryIndex, width);
            for (int j = 0; j < row.Visible; j++)
            {
                double logitGradient = plan.Options.Score switch
                {
                    AttentionScore.Softmax => weights[j] * (weightGradients[j] - meanWeightGradient + logSumExpGradient),
                    AttentionScore.Silu => weightGradients[j] * SiluDerivative(logits[j]) / plan.Options.EffectiveDivisor(row.Visible),
                    _ => weightGradients[j] / plan.Options.EffectiveDivisor(row.Visible),
                };
                keyBiasGradient[row.HistoryStart + j] += logitGradient;

                ReadOnlySpan<T> key = Row(inputs.Keys, row.HistoryRow(j), width);
                double productGradient = logitGradient * CapDerivative(plan.Options, scale * Dot(query, key)) * scale;
                AddScaled(Row(queryGradient, row.QueryIndex, width), productGradient, key);
                AddScaled(Row(keyGradient, row.HistoryRow(j), width), productGradient, query);
            }
        }

        Store(queryGradient, gradients.Queries);
        Store(keyGradient, gradients.Keys);
        Store(valueGradient, gradients.Values);
        Store(keyBiasGradient, gradients.KeyBias);
    }

    private static void Logits<T, THistory>(
        CrossAttentionPlan plan, ReadOnlySpan<T> queries, ReadOnlySpan<THistory> keys, ReadOnlySpan<float> keyBias, AttentionRow row, Span<double> logits)
        where T : unmanaged
        where THistory : unmanaged
    {
        int width = plan.Shape.HeadWidth;
        double scale = plan.Options.EffectiveScale(plan.Shape);
        ReadOnlySpan<T> query = Row(queries, row.QueryIndex, width);
        for (int j = 0; j < row.Visible; j++)
        {
            double product = scale * Dot(query, Row(keys, row.HistoryRow(j), width));
            double bias = keyBias.IsEmpty ? 0 : keyBias[checked((int)row.HistoryStart + j)];
            logits[j] = Cap(plan.Options, product) + bias;
        }
    }

    private static double Cap(CrossAttentionOptions options, double product) =>
        options.SoftCap == 0 ? product : options.SoftCap * Math.Tanh(product / options.SoftCap);

    private static double CapDerivative(CrossAttentionOptions options, double product) =>
        options.SoftCap == 0 ? 1 : 1 - Math.Pow(Math.Tanh(product / options.SoftCap), 2);

    /// <summary>Turns logits into weights; returns the softmax's LSE, -infinity when nothing is visible.</summary>
    private static double Weights(CrossAttentionOptions options, AttentionRow row, ReadOnlySpan<double> logits, Span<double> weights)
    {
        if (options.Score != AttentionScore.Softmax)
        {
            for (int j = 0; j < row.Visible; j++)
            {
                double score = options.Score == AttentionScore.Silu ? Silu(logits[j]) : logits[j];
                weights[j] = score / options.EffectiveDivisor(row.Visible);
            }
            return double.NegativeInfinity;
        }

        double logSumExp = LogSumExp(logits[..checked((int)row.Visible)]);
        for (int j = 0; j < row.Visible; j++)
        {
            // A bias of -infinity hides a key; when every key is hidden the history is empty.
            weights[j] = double.IsNegativeInfinity(logSumExp) ? 0 : Math.Exp(logits[j] - logSumExp);
        }
        return logSumExp;
    }

    private static double LogSumExp(ReadOnlySpan<double> logits)
    {
        double max = double.NegativeInfinity;
        foreach (double logit in logits)
        {
            max = Math.Max(max, logit);
        }
        if (double.IsNegativeInfinity(max))
        {
            return max;
        }
        double sum = 0;
        foreach (double logit in logits)
        {
            sum += Math.Exp(logit - max);
        }
        return max + Math.Log(sum);
    }

    /// <summary>One (target, query, head): where its query, its output and its history are, in rows of head width.</summary>
    private readonly record struct AttentionRow(long Index, long QueryIndex, long HistoryStart, long Visible, int KeyValueHeads, int KeyValueHead)
    {
        /// <summary>The row of keys and values of history position <paramref name="j"/> that this query's head reads.</summary>
        public long HistoryRow(long j) => ((HistoryStart + j) * KeyValueHeads) + KeyValueHead;
    }

    private static IEnumerable<AttentionRow> AttentionRows(CrossAttentionShape shape)
    {
        int rowsPerTarget = shape.QueriesPerTarget * shape.Heads;
        for (int segment = 0; segment < shape.Targets.Count; segment++)
        {
            for (long target = shape.Targets.Start(segment); target < shape.Targets.Start(segment + 1); target++)
            {
                long queryTarget = shape.BroadcastQueries ? target - shape.Targets.Start(segment) : target;
                for (int r = 0; r < rowsPerTarget; r++)
                {
                    int head = r % shape.Heads;
                    yield return new AttentionRow(
                        Index: (target * rowsPerTarget) + r,
                        QueryIndex: (queryTarget * rowsPerTarget) + r,
                        HistoryStart: shape.History.Start(segment),
                        Visible: shape.VisibleHistory(segment, target),
                        shape.KeyValueHeads,
                        KeyValueHead: head * shape.KeyValueHeads / shape.Heads);
                }
            }
        }
    }
}

using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// Attention of candidates to their user's summary and each to itself: one more key, the candidate's own. The summary's part is a core attention; the candidate's own part is
/// merged in as a state of one key (softmax), or added under the common divisor (SiLU).
/// </summary>
internal sealed class SelfTerm(VistaConfig config)
{
    private readonly int _heads = config.Heads;
    private readonly int _headWidth = config.HeadWidth;
    private readonly float _scale = 1 / MathF.Sqrt(config.HeadWidth);

    /// <summary>Entry 0 is the summary's part of the result, entry 1 the candidates' own <c>[2, T, H, dh]</c>.</summary>
    private readonly GrowingBuffer _parts = new();

    /// <summary>LSE of the parts <c>[2, T, H]</c>; SiLU has the candidates' own logits only.</summary>
    private readonly GrowingBuffer _logits = new();

    private readonly GrowingBuffer _partGradients = new();
    private readonly GrowingBuffer _logitGradients = new();
    private readonly GrowingBuffer _logSumExp = new();
    private readonly GrowingBuffer _keys = new();

    private bool Softmax => config.Score == AttentionScore.Softmax;

    /// <summary>Attends.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="plan">From candidates to summaries, projected.</param>
    /// <param name="summaryKeys"><c>[S, H, dh]</c>.</param>
    /// <param name="summaryValues"><c>[S, H, dh]</c>.</param>
    /// <param name="candidates">Queries, keys and values; the result goes to their <see cref="TransformerRows.Attended"/>.</param>
    public void Forward(LongSeqContext context, CrossAttentionPlan plan, ReadOnlySpan<float> summaryKeys, ReadOnlySpan<float> summaryValues, TransformerRows candidates)
    {
        int rows = checked((int)plan.Shape.Rows);
        int length = rows * _headWidth;
        Span<float> parts = _parts.Use(2L * rows, _headWidth);
        Span<float> logits = _logits.Use(2L * rows, 1);
        Span<float> output = candidates.Attended.Use(rows, _headWidth);
        for (int row = 0; row < rows; row++)
        {
            logits[rows + row] = _scale * TensorPrimitives.Dot(Row(candidates.Queries.Span, row), Row(candidates.Keys.Span, row));
        }
        candidates.Values.Span.CopyTo(parts[length..]);
        if (Softmax)
        {
            CrossAttention.ForwardState(plan, candidates.Queries.Span, summaryKeys, summaryValues, parts[..length], logits[..rows]);
            MergeStates.Forward(context, rows, _headWidth, parts, logits, output, _logSumExp.Use(rows, 1));
            return;
        }
        CrossAttention.Forward(plan, candidates.Queries.Span, summaryKeys, summaryValues, parts[..length]);
        Span<float> keys = CountKeys(plan);
        for (int row = 0; row < rows; row++)
        {
            Span<float> result = Row(output, row);
            TensorPrimitives.Multiply(Row(parts, row), (keys[row] - 1) / keys[row], result);
            TensorPrimitives.MultiplyAdd(Row(parts, rows + row), Silu(logits[rows + row]) / keys[row], result, result);
        }
    }

    /// <summary>
    /// From <see cref="TransformerRows.AttendedGradient"/> of the candidates: overwrites the gradients of their queries, keys and values and of the summaries' keys and values.
    /// </summary>
    public void Backward(
        LongSeqContext context,
        CrossAttentionPlan plan,
        ReadOnlySpan<float> summaryKeys,
        ReadOnlySpan<float> summaryValues,
        TransformerRows candidates,
        Span<float> summaryKeyGradient,
        Span<float> summaryValueGradient)
    {
        int rows = checked((int)plan.Shape.Rows);
        int length = rows * _headWidth;
        Span<float> gradients = _partGradients.Use(2L * rows, _headWidth);
        Span<float> logitGradients = _logitGradients.Use(2L * rows, 1);
        Span<float> queryGradient = candidates.QueryGradient.Use(rows, _headWidth);
        if (Softmax)
        {
            MergeStates.Backward(
                context, rows, _headWidth, _parts.Span, _logits.Span, candidates.AttendedGradient.Span, default, gradients, logitGradients);
            CrossAttention.Backward(
                plan, candidates.Queries.Span, summaryKeys, summaryValues, _parts.Span[..length], _logits.Span[..rows], gradients[..length],
                queryGradient, summaryKeyGradient, summaryValueGradient, logSumExpGradient: logitGradients[..rows]);
        }
        else
        {
            ReadOnlySpan<float> keys = _keys.Span;
            for (int row = 0; row < rows; row++)
            {
                float logit = _logits.Span[rows + row];
                ReadOnlySpan<float> gradient = Row(candidates.AttendedGradient.Span, row);
                TensorPrimitives.Multiply(gradient, (keys[row] - 1) / keys[row], Row(gradients, row));
                TensorPrimitives.Multiply(gradient, Silu(logit) / keys[row], Row(gradients, rows + row));
                logitGradients[rows + row] = TensorPrimitives.Dot(gradient, Row(_parts.Span, rows + row)) * SiluSlope(logit) / keys[row];
            }
            CrossAttention.Backward(
                plan, candidates.Queries.Span, summaryKeys, summaryValues, default, default, gradients[..length], queryGradient, summaryKeyGradient, summaryValueGradient);
        }
        Span<float> keyGradient = candidates.KeyGradient.Use(rows, _headWidth);
        gradients[length..].CopyTo(candidates.ValueGradient.Use(rows, _headWidth));
        for (int row = 0; row < rows; row++)
        {
            float slope = _scale * logitGradients[rows + row];
            Span<float> query = Row(queryGradient, row);
            TensorPrimitives.MultiplyAdd(Row(candidates.Keys.Span, row), slope, query, query);
            TensorPrimitives.Multiply(Row(candidates.Queries.Span, row), slope, Row(keyGradient, row));
        }
    }

    private static float Silu(float x) => x / (1 + MathF.Exp(-x));

    private static float SiluSlope(float x)
    {
        float sigmoid = 1 / (1 + MathF.Exp(-x));
        return sigmoid * (1 + (x * (1 - sigmoid)));
    }

    /// <summary>The keys that every row sees, its own included: the divisor of SiLU scores.</summary>
    private Span<float> CountKeys(CrossAttentionPlan plan)
    {
        JaggedLayout targets = plan.Shape.Targets;
        Span<float> keys = _keys.Use(targets.Total, _heads);
        for (int segment = 0; segment < targets.Count; segment++)
        {
            keys.Slice((int)targets.Start(segment) * _heads, (int)targets.Length(segment) * _heads).Fill(plan.Shape.History.Length(segment) + 1);
        }
        return keys;
    }

    private Span<float> Row(Span<float> rows, int row) => rows.Slice(row * _headWidth, _headWidth);
}

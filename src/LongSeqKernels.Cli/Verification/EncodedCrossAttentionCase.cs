namespace LongSeqKernels.Cli;

/// <summary>Cross attention that decodes its history as it reads it: every encoding, odd widths, grouped heads, shared history.</summary>
internal sealed class EncodedCrossAttentionCase : VerificationCase
{
    private const int Steps = 2001;

    private readonly CrossAttentionShape _shape;
    private readonly CrossAttentionOptions _options;

    private EncodedCrossAttentionCase(string name, CrossAttentionShape shape, CrossAttentionOptions options = default)
        : base("encoded history", $"{name}, {shape.HistoryEncoding.ToString()!.ToLowerInvariant()}")
    {
        _shape = shape;
        _options = options;
    }

    public static IEnumerable<VerificationCase> All()
    {
        JaggedLayout history = JaggedLayout.FromLengths(0, 1, 15, 64, 65, 128, 257);
        JaggedLayout targets = JaggedLayout.FromLengths(2, 1, 0, 9, 70, 3, 17);
        foreach (SummaryEncoding encoding in Enum.GetValues<SummaryEncoding>())
        {
            CrossAttentionShape shape = new() { Targets = targets, History = history, Heads = 4, HeadWidth = 32, HistoryEncoding = encoding };
            yield return new EncodedCrossAttentionCase("4 heads of 32", shape);
            yield return new EncodedCrossAttentionCase("4 heads on 2, width 7", shape with { KeyValueHeads = 2, HeadWidth = 7 });
            yield return new EncodedCrossAttentionCase(
                "1 target, 2 heads of 64", shape with { Targets = JaggedLayout.Uniform(history.Count, 1), Heads = 2, HeadWidth = 64 });
            yield return new EncodedCrossAttentionCase("shared history, D = 96", shape with { HeadWidth = 96, Form = HistoryForm.Shared }, new() { Scale = 0.15f });
        }
    }

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, _shape, _options);
        CrossAttentionShape shape = plan.Shape;
        T[] queries = inputs.Normal<T>(shape.QueryTargets * shape.TargetWidth);
        float[] bias = inputs.Single(shape.History.Total);
        (byte[] keyCodes, float[] keyScales) = Encode(context, shape, inputs, shape.HistoryHeadRows);
        (byte[] valueCodes, float[] valueScales) = Encode(context, shape, inputs, shape.Form == HistoryForm.Shared ? 0 : shape.HistoryHeadRows);

        T[] output = InputSource.Output<T>(shape.Targets.Total * shape.TargetWidth);
        float[] logSumExp = InputSource.Output<float>(shape.Rows);
        CrossAttention.ForwardEncoded<T>(
            plan,
            queries,
            new EncodedRows { Codes = keyCodes, Scales = keyScales },
            new EncodedRows { Codes = valueCodes, Scales = valueScales },
            output,
            logSumExp,
            bias);
        results.Add("output", Direction.Forward, output);
        results.Add("LSE", Direction.Forward, logSumExp);
    }

    /// <summary>Rows of whole numbers, which perturbations leave alone: a code that flips would pass for an error that cannot be avoided.</summary>
    private static (byte[] Codes, float[] Scales) Encode(LongSeqContext context, CrossAttentionShape shape, InputSource inputs, long rows)
    {
        float[] values = Array.ConvertAll(inputs.Whole(rows * shape.HeadWidth, Steps), step => (step - (Steps / 2)) / 500f);
        var codes = new byte[rows * SummaryCodec.RowBytes(shape.HistoryEncoding!.Value, shape.HeadWidth)];
        var scales = new float[rows];
        SummaryCodec.Encode(context, shape.HistoryEncoding.Value, shape.HeadWidth, values, codes, scales);
        return (codes, scales);
    }
}

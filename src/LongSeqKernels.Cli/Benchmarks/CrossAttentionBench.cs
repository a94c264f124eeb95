namespace LongSeqKernels.Cli;

/// <summary>Whose queries attend.</summary>
internal enum QuerySource
{
    /// <summary>The targets of a request.</summary>
    Targets,

    /// <summary>Learned seeds.</summary>
    Seeds,
}

/// <summary>Cross attention in its forms, and pooling. The result of a backward is the gradient of the keys.</summary>
internal sealed class CrossAttentionBench(string name, HistoryForm form, QuerySource source) : BenchOperation(name)
{
    public override string Describe(BenchShape sizes)
    {
        string rows = source == QuerySource.Seeds ? $"{sizes.Seeds} seeds" : Format.Count(sizes.Targets, "target");
        string width = form == HistoryForm.Shared ? $"{sizes.Heads} heads, D = {sizes.Width}" : $"{sizes.Heads} heads of {sizes.HeadWidth}";
        return $"{rows}, {Format.Count(sizes.History)} events, {width}";
    }

    /// <summary>Forward: logits and output. Backward: the logits again and the gradients of output weights, values, queries and keys; queries, output and both gradients have rows.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        CrossAttentionShape shape = Shape(sizes);
        double product = 2.0 * shape.Rows * sizes.History * shape.HeadWidth;
        double history = (double)sizes.History * sizes.Width * (form == HistoryForm.Shared ? 1 : 2);
        double rows = (double)shape.Rows * shape.HeadWidth;
        return direction == Direction.Forward
            ? new BenchWork(2 * product, elementBytes * (history + (2 * rows)))
            : new BenchWork(5 * product, (elementBytes * ((2 * history) + (4 * rows))) + (sizeof(float) * shape.Rows));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, Shape(sizes), Options(sizes));
        CrossAttentionShape shape = plan.Shape;
        long elements = (long)sizes.History * sizes.Width;
        BenchTensor<T> queries = BenchInputs.Uniform<T>(shape.Rows * shape.HeadWidth, 1);
        BenchTensor<T> keys = BenchInputs.Uniform<T>(elements, 2);
        BenchTensor<T> values = form == HistoryForm.Shared ? default : BenchInputs.Uniform<T>(elements, 3);
        BenchTensor<T> output = BenchInputs.Output<T>(queries.Length);
        if (direction == Direction.Forward)
        {
            return Of(() => CrossAttention.Forward<T>(plan, queries, keys, values, output), output);
        }
        var logSumExp = new float[shape.Rows];
        CrossAttention.Forward<T>(plan, queries, keys, values, output, logSumExp);
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(queries.Length, 4);
        BenchTensor<T> queryGradient = BenchInputs.Output<T>(queries.Length);
        BenchTensor<T> keyGradient = BenchInputs.Output<T>(keys.Length);
        BenchTensor<T> valueGradient = BenchInputs.Output<T>(values.Length);
        return Of(
            () => CrossAttention.Backward<T>(plan, queries, keys, values, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient), keyGradient);
    }

    private static CrossAttentionOptions Options(BenchShape sizes) => new() { Scale = 1f / MathF.Sqrt(sizes.HeadWidth) };

    private CrossAttentionShape Shape(BenchShape sizes) => new()
    {
        Targets = JaggedLayout.Uniform(1, source == QuerySource.Seeds ? sizes.Seeds : sizes.Targets),
        History = JaggedLayout.Uniform(1, sizes.History),
        Heads = sizes.Heads,
        HeadWidth = form == HistoryForm.Shared ? sizes.Width : sizes.HeadWidth,
        Form = form,
        BroadcastQueries = source == QuerySource.Seeds,
    };
}

/// <summary>Where the rows of an encoded history are decoded.</summary>
internal enum HistoryDecoding
{
    /// <summary>Inside the attention.</summary>
    Inside,

    /// <summary>To fp32 rows, which are then attended to.</summary>
    First,
}

/// <summary>fp32 queries to a history as a store keeps it: decoded inside the attention, or to fp32 rows first.</summary>
internal sealed class EncodedHistoryBench(string name, HistoryDecoding decoding) : BenchOperation(name)
{
    public override IReadOnlyList<Direction> Directions => [Direction.Forward];

    public override bool IsFloat32Only => true;

    public override string Describe(BenchShape sizes) =>
        $"{Format.Count(sizes.Targets, "target")}, {Format.Count(sizes.History)} rows of {sizes.Encoding.ToString().ToLowerInvariant()}, {sizes.Heads} heads of {sizes.HeadWidth}";

    /// <summary>That of attention, with the codes and scales as history; decoding first must do no less.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double queries = (double)sizes.Targets * sizes.Width;
        double history = 2.0 * sizes.History * sizes.Heads * (SummaryCodec.RowBytes(sizes.Encoding, sizes.HeadWidth) + sizeof(float));
        return new BenchWork(4 * queries * sizes.History, history + (sizeof(float) * 2 * queries));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        SummaryEncoding encoding = sizes.Encoding;
        int width = sizes.HeadWidth;
        CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = JaggedLayout.Uniform(1, sizes.Targets),
            History = JaggedLayout.Uniform(1, sizes.History),
            Heads = sizes.Heads,
            HeadWidth = width,
            HistoryEncoding = decoding == HistoryDecoding.First ? null : encoding,
        });
        BenchTensor<float> queries = BenchInputs.Uniform<float>((long)sizes.Targets * sizes.Width, 1);
        BenchTensor<float> keys = BenchInputs.Uniform<float>((long)sizes.History * sizes.Width, 2);
        BenchTensor<float> values = BenchInputs.Uniform<float>(keys.Length, 3);
        BenchTensor<float> output = BenchInputs.Output<float>(queries.Length);
        (BenchTensor<byte> keyCodes, BenchTensor<float> keyScales) = Encode(context, encoding, width, keys);
        (BenchTensor<byte> valueCodes, BenchTensor<float> valueScales) = Encode(context, encoding, width, values);
        if (decoding == HistoryDecoding.Inside)
        {
            return Of(
                () => CrossAttention.ForwardEncoded<float>(
                    plan,
                    queries,
                    new EncodedRows { Codes = keyCodes, Scales = keyScales },
                    new EncodedRows { Codes = valueCodes, Scales = valueScales },
                    output),
                output);
        }
        return Of(
            () =>
            {
                SummaryCodec.Decode(context, encoding, width, keyCodes, keyScales, keys);
                SummaryCodec.Decode(context, encoding, width, valueCodes, valueScales, values);
                CrossAttention.Forward<float>(plan, queries, keys, values, output);
            },
            output);
    }

    private static (BenchTensor<byte> Codes, BenchTensor<float> Scales) Encode(LongSeqContext context, SummaryEncoding encoding, int width, BenchTensor<float> rows)
    {
        BenchTensor<byte> codes = BenchInputs.Output<byte>(rows.Length / width * SummaryCodec.RowBytes(encoding, width));
        BenchTensor<float> scales = BenchInputs.Output<float>(rows.Length / width);
        SummaryCodec.Encode(context, encoding, width, rows, codes, scales);
        return (codes, scales);
    }
}

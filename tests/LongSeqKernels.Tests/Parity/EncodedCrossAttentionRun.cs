namespace LongSeqKernels.Tests;

/// <summary>A case of cross attention whose history is stored as codes.</summary>
public sealed record EncodedCrossAttentionCase(CrossAttentionCase Case, SummaryEncoding Encoding)
{
    /// <summary>The case's shape with its encoding.</summary>
    public CrossAttentionShape Shape => Case.Shape with { HistoryEncoding = Encoding };

    /// <summary>Every encoding on every kind of work, every width and all large logits, and one of them on each of the other cases.</summary>
    public static IEnumerable<EncodedCrossAttentionCase> All =>
    [
        .. CrossAttentionCatalogue.All.Index().Select(c => new EncodedCrossAttentionCase(c.Item, (SummaryEncoding)(c.Index % 3)))
            .Union(EveryEncoding([.. CrossAttentionCatalogue.Widths, .. CrossAttentionCatalogue.Representative, .. LargeLogits]), ByName),
    ];

    public static IEnumerable<EncodedCrossAttentionCase> Representative => EveryEncoding(CrossAttentionCatalogue.Representative);

    private static IEnumerable<CrossAttentionCase> LargeLogits => CrossAttentionCatalogue.All.Where(c => c.QueryDeviation > 1);

    private static IEqualityComparer<EncodedCrossAttentionCase> ByName { get; } =
        EqualityComparer<EncodedCrossAttentionCase>.Create((a, b) => a?.ToString() == b?.ToString(), c => c.ToString().GetHashCode(StringComparison.Ordinal));

    public override string ToString() => $"{Case.Name}, {Encoding}";

    private static IEnumerable<EncodedCrossAttentionCase> EveryEncoding(IEnumerable<CrossAttentionCase> cases) =>
        from c in cases
        from encoding in Enum.GetValues<SummaryEncoding>()
        select new EncodedCrossAttentionCase(c, encoding);
}

/// <summary>The codes and scales of a history.</summary>
internal sealed record EncodedTensor(byte[] Codes, float[] Scales)
{
    public static EncodedTensor Of(SummaryEncoding encoding, int width, float[] rows)
    {
        var encoded = new EncodedTensor(new byte[rows.Length / width * SummaryCodec.RowBytes(encoding, width)], new float[rows.Length / width]);
        SummaryCodec.Encode(BackendRegistry.Reference, encoding, width, rows, encoded.Codes, encoded.Scales);
        return encoded;
    }

    public float[] Decoded(SummaryEncoding encoding, int width)
    {
        var rows = new float[Scales.Length * width];
        SummaryCodec.Decode(BackendRegistry.Reference, encoding, width, Codes, Scales, rows);
        return rows;
    }

    /// <summary>Codes and scales that decode to NaN in the rows of every other segment.</summary>
    public EncodedTensor PoisonOutside(JaggedLayout layout, int segment) =>
        new(Samples.FillOutside(Codes, layout, segment, (byte)0xFF), Samples.PoisonOutside(Scales, layout, segment));
}

/// <summary>The tensors of a case: queries, bias and gradients as for the plain one, keys and values encoded.</summary>
internal sealed record EncodedCrossAttentionData<T>(EncodedCrossAttentionCase Case, CrossAttentionData<T> Plain, EncodedTensor Keys, EncodedTensor Values)
    where T : unmanaged
{
    private const int ZeroRows = 7;

    public static EncodedCrossAttentionData<T> Of(EncodedCrossAttentionCase c)
    {
        CrossAttentionData<float> rows = CrossAttentionData<float>.Of(c.Case);
        int width = c.Shape.HeadWidth;
        for (int row = 0; row < rows.Keys.Length / width; row += ZeroRows)
        {
            // A row of zeros has scale 0.
            rows.Keys.AsSpan(row * width, width).Clear();
        }
        return new(c, CrossAttentionData<T>.Of(c.Case), EncodedTensor.Of(c.Encoding, width, rows.Keys), EncodedTensor.Of(c.Encoding, width, rows.Values));
    }

    /// <summary>Attention to the decoded rows: what the encoded one must give.</summary>
    public CrossAttentionData<float> Decoded() => Plain.Widened() with
    {
        Keys = Keys.Decoded(Case.Encoding, Case.Shape.HeadWidth),
        Values = Values.Decoded(Case.Encoding, Case.Shape.HeadWidth),
    };
}

/// <summary>What an encoded case should give, exactly, and naively: rows are decoded, stored as T, and attended to.</summary>
internal sealed record EncodedCrossAttentionExpectation(CrossAttentionResult<float> Forward, CrossAttentionResult<float> Naive)
{
    /// <typeparam name="T">Storage type of the queries, and of the naive computation's intermediate results.</typeparam>
    public static EncodedCrossAttentionExpectation Of<T>(EncodedCrossAttentionCase c)
        where T : unmanaged => Cache<T>.Values.Of(c.ToString(), () =>
        {
            CrossAttentionData<float> decoded = EncodedCrossAttentionData<T>.Of(c).Decoded();
            CrossAttentionNaive<T> naive = new(decoded with
            {
                Keys = Samples.Widen(Samples.Narrow<T>(decoded.Keys)),
                Values = Samples.Widen(Samples.Narrow<T>(decoded.Values)),
            });
            return new(CrossAttentionRun.Forward(BackendRegistry.Reference, decoded), new(naive.Output, naive.LogSumExp));
        });

    private static class Cache<T>
    {
        public static readonly Expected<EncodedCrossAttentionExpectation> Values = new();
    }
}

/// <summary>Runs a case through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class EncodedCrossAttentionRun
{
    public static CrossAttentionResult<T> Forward<T>(LongSeqContext context, EncodedCrossAttentionData<T> data)
        where T : unmanaged
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, data.Case.Shape, data.Case.Case.Options);
        GuardedBuffer<T> output = GuardedBuffer<T>.Output(plan.Shape.Targets.Total * plan.Shape.TargetWidth);
        GuardedBuffer<float> logSumExp = GuardedBuffer<float>.Output(data.Plain.LogSumExpGradient.Length);
        CrossAttention.ForwardEncoded(
            plan,
            GuardedBuffer<T>.Of(data.Plain.Queries).Span,
            Guarded(data.Keys),
            Guarded(data.Values),
            output.Span,
            logSumExp.Span,
            GuardedBuffer<float>.Of(data.Plain.KeyBias).Span);
        output.AssertGuardIntact("output");
        logSumExp.AssertGuardIntact("logSumExp");
        return new CrossAttentionResult<T>(output.ToArray(), logSumExp.ToArray());
    }

    public static CrossAttentionResult<float> ForwardState<T>(LongSeqContext context, EncodedCrossAttentionData<T> data)
        where T : unmanaged
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, data.Case.Shape, data.Case.Case.Options);
        GuardedBuffer<float> output = GuardedBuffer<float>.Output(plan.Shape.Targets.Total * plan.Shape.TargetWidth);
        GuardedBuffer<float> logSumExp = GuardedBuffer<float>.Output(plan.Shape.Rows);
        CrossAttention.ForwardEncodedState(
            plan,
            GuardedBuffer<T>.Of(data.Plain.Queries).Span,
            Guarded(data.Keys),
            Guarded(data.Values),
            output.Span,
            logSumExp.Span,
            GuardedBuffer<float>.Of(data.Plain.KeyBias).Span);
        output.AssertGuardIntact("stateOutput");
        logSumExp.AssertGuardIntact("stateLogSumExp");
        return new CrossAttentionResult<float>(output.ToArray(), logSumExp.ToArray());
    }

    private static EncodedRows Guarded(EncodedTensor tensor) => new()
    {
        Codes = GuardedBuffer<byte>.Of(tensor.Codes).Span,
        Scales = GuardedBuffer<float>.Of(tensor.Scales).Span,
    };
}

namespace LongSeqKernels.Cli;

/// <summary>Mean of the rows of a history. The result of a backward is the gradient of the rows.</summary>
internal sealed class SegmentReduceBench() : BenchOperation("segment-reduce")
{
    public override string Describe(BenchShape sizes) => $"mean of {Format.Count(sizes.History)} rows of {sizes.Width}";

    /// <summary>One operation an element, which is read forward and written backward.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double elements = (double)sizes.History * sizes.Width;
        return new BenchWork(elements, elementBytes * (elements + sizes.Width));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        JaggedLayout segments = JaggedLayout.Uniform(1, sizes.History);
        BenchTensor<T> input = BenchInputs.Uniform<T>((long)sizes.History * sizes.Width, 1);
        if (direction == Direction.Forward)
        {
            BenchTensor<T> output = BenchInputs.Output<T>(sizes.Width);
            return Of(() => SegmentReduce.Forward<T>(context, SegmentReduction.Mean, segments, sizes.Width, input, output), output);
        }
        BenchTensor<T> outputGradient = BenchInputs.Uniform<T>(sizes.Width, 2);
        BenchTensor<T> inputGradient = BenchInputs.Output<T>(input.Length);
        return Of(() => SegmentReduce.Backward<T>(context, SegmentReduction.Mean, segments, sizes.Width, input, outputGradient, inputGradient), inputGradient);
    }
}

/// <summary>Adding time gaps to the rows of a history. The result of a backward is the gradient of the table.</summary>
internal sealed class TimeEmbeddingBench() : BenchOperation("time-embedding")
{
    private const int Span = 1_000_000;
    private static readonly TimeBuckets Buckets = new(32);

    public override string Describe(BenchShape sizes) => $"{Format.Count(sizes.History)} rows of {sizes.Width}";

    /// <summary>One addition an element; forward the rows are read and written, backward their gradient is read. The logarithm of a gap is not counted.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double elements = (double)sizes.History * sizes.Width;
        double table = (double)Buckets.Buckets * sizes.Width;
        return new BenchWork(elements, (elementBytes * (((direction == Direction.Forward ? 2 : 1) * elements) + table)) + (sizeof(long) * (double)sizes.History));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        JaggedLayout segments = JaggedLayout.Uniform(1, sizes.History);
        long[] times = BenchInputs.Whole(sizes.History, 1, Span);
        BenchTensor<T> rows = BenchInputs.Uniform<T>((long)sizes.History * sizes.Width, 2);
        if (direction == Direction.Forward)
        {
            // So little that the rows stay what they were, however often it is added.
            BenchTensor<T> table = BenchInputs.Uniform<T>((long)Buckets.Buckets * sizes.Width, 3, 1e-12f);
            return Of(() => TimeEmbedding.Forward<T>(context, Buckets, segments, sizes.Width, [Span], times, table, rows), rows);
        }
        BenchTensor<T> tableGradient = BenchInputs.Output<T>((long)Buckets.Buckets * sizes.Width);
        return Of(() => TimeEmbedding.Backward<T>(context, Buckets, segments, sizes.Width, [Span], times, rows, tableGradient), tableGradient);
    }
}

/// <summary>The codec of summaries, one way or the other.</summary>
internal sealed class SummaryCodecBench(string name, CodecWay way) : BenchOperation(name)
{
    public override IReadOnlyList<Direction> Directions => [Direction.Forward];

    public override bool IsFloat32Only => true;

    public override string Describe(BenchShape sizes) => $"{sizes.Encoding.ToString().ToLowerInvariant()}, {Format.Count(sizes.History)} rows of {sizes.Width}";

    /// <summary>Encoding takes the largest magnitude of a row, a division and a rounding for each element, decoding a multiplication.</summary>
    public override BenchWork Work(BenchShape sizes, Direction direction, int elementBytes)
    {
        double elements = (double)sizes.History * sizes.Width;
        double codes = (double)sizes.History * (SummaryCodec.RowBytes(sizes.Encoding, sizes.Width) + sizeof(float));
        return new BenchWork((way == CodecWay.Encode ? 3 : 1) * elements, codes + (sizeof(float) * elements));
    }

    public override BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
    {
        (SummaryEncoding encoding, int width) = (sizes.Encoding, sizes.Width);
        BenchTensor<float> rows = BenchInputs.Uniform<float>((long)sizes.History * width, 1);
        BenchTensor<byte> codes = BenchInputs.Output<byte>((long)sizes.History * SummaryCodec.RowBytes(encoding, width));
        BenchTensor<float> scales = BenchInputs.Output<float>(sizes.History);
        void Encode() => SummaryCodec.Encode(context, encoding, width, rows, codes, scales);
        if (way == CodecWay.Encode)
        {
            return Of(Encode, scales);
        }
        Encode();
        return Of(() => SummaryCodec.Decode(context, encoding, width, codes, scales, rows), rows);
    }
}

/// <summary>Which way a codec goes.</summary>
internal enum CodecWay
{
    /// <summary>Rows to codes.</summary>
    Encode,

    /// <summary>Codes to rows.</summary>
    Decode,
}

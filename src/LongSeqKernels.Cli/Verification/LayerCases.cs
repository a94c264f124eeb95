namespace LongSeqKernels.Cli;

/// <summary>Gated FFN with and without norm and biases.</summary>
internal sealed class GatedFfnCase(string name, GatedFfnShape shape, bool biases) : VerificationCase("gated FFN", name)
{
    public static IEnumerable<VerificationCase> All() =>
    [
        new GatedFfnCase("129 rows, 64 to 128, layer norm", new GatedFfnShape(129, 64, 128), biases: false),
        new GatedFfnCase("9 rows, 30 to 50, biases", new GatedFfnShape(9, 30, 50, FfnNorm.None), biases: true),
        new GatedFfnCase("no rows", new GatedFfnShape(0, 16, 32), biases: true),
    ];

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        long elements = (long)shape.Rows * shape.Width;
        double weightScale = 1 / Math.Sqrt(shape.Width);
        bool norm = shape.Norm == FfnNorm.LayerNorm;
        T[] input = inputs.Normal<T>(elements);
        T[] up = inputs.Normal<T>((long)shape.Width * shape.HiddenWidth, weightScale);
        T[] gate = inputs.Normal<T>(up.Length, weightScale);
        T[] down = inputs.Normal<T>(up.Length, weightScale);
        T[] upBias = biases ? inputs.Normal<T>(shape.HiddenWidth, 0.1) : [];
        T[] gateBias = biases ? inputs.Normal<T>(shape.HiddenWidth, 0.1) : [];
        T[] downBias = biases ? inputs.Normal<T>(shape.Width, 0.1) : [];
        T[] gain = norm ? inputs.Normal<T>(shape.Width, 0.1, 1) : [];
        T[] normBias = norm ? inputs.Normal<T>(shape.Width, 0.1) : [];
        T[] outputGradient = inputs.Normal<T>(elements);
        var weights = new GatedFfnWeights<T>
        {
            Up = up,
            Gate = gate,
            Down = down,
            UpBias = upBias,
            GateBias = gateBias,
            DownBias = downBias,
            NormGain = gain,
            NormBias = normBias,
        };

        T[] output = InputSource.Output<T>(elements);
        GatedFfn.Forward<T>(context, shape, input, weights, output);
        results.Add("output", Direction.Forward, output);

        T[] inputGradient = InputSource.Output<T>(elements);
        T[][] gradients = [.. new[] { up, gate, down, upBias, gateBias, downBias, gain, normBias }.Select(parameter => InputSource.Output<T>(parameter.Length))];
        GatedFfn.Backward<T>(context, shape, input, weights, outputGradient, inputGradient, new GatedFfnGradients<T>
        {
            Up = gradients[0],
            Gate = gradients[1],
            Down = gradients[2],
            UpBias = gradients[3],
            GateBias = gradients[4],
            DownBias = gradients[5],
            NormGain = gradients[6],
            NormBias = gradients[7],
        });
        results.Add("input gradient", Direction.Backward, inputGradient);
        string[] names = ["W_u", "W_v", "W_o", "b_u", "b_v", "b_o", "gain", "norm bias"];
        for (int i = 0; i < names.Length; i++)
        {
            results.Add(names[i] + " gradient", Direction.Backward, gradients[i]);
        }
    }
}

/// <summary>A linear layer that overwrites, or adds to what is there.</summary>
internal sealed class LinearCase(string name, LinearShape shape, OutputMode mode) : VerificationCase("linear", name)
{
    public static IEnumerable<VerificationCase> All() =>
    [
        new LinearCase("130 rows, 64 to 96", new LinearShape(130, 64, 96), OutputMode.Overwrite),
        new LinearCase("7 rows, 33 to 1, added", new LinearShape(7, 33, 1), OutputMode.Add),
        new LinearCase("no rows", new LinearShape(0, 16, 16), OutputMode.Overwrite),
    ];

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        T[] input = inputs.Normal<T>((long)shape.Rows * shape.InputWidth);
        T[] weight = inputs.Normal<T>((long)shape.InputWidth * shape.OutputWidth, 1 / Math.Sqrt(shape.InputWidth));
        T[] bias = inputs.Normal<T>(shape.OutputWidth);
        T[] outputGradient = inputs.Normal<T>((long)shape.Rows * shape.OutputWidth);
        T[] Result(long count) => mode == OutputMode.Add ? inputs.Normal<T>(count) : InputSource.Output<T>(count);

        T[] output = Result(outputGradient.Length);
        Linear.Forward<T>(context, shape, input, weight, bias, output, mode);
        results.Add("output", Direction.Forward, output);

        T[] inputGradient = Result(input.Length);
        T[] weightGradient = Result(weight.Length);
        T[] biasGradient = Result(bias.Length);
        Linear.Backward<T>(context, shape, input, weight, outputGradient, inputGradient, weightGradient, biasGradient, mode);
        results.Add("input gradient", Direction.Backward, inputGradient);
        results.Add("weight gradient", Direction.Backward, weightGradient);
        results.Add("bias gradient", Direction.Backward, biasGradient);
    }
}

/// <summary>Layer norm.</summary>
internal sealed class LayerNormCase(int rows, int width) : VerificationCase("layer norm", $"{rows} rows of {width}")
{
    public static IEnumerable<VerificationCase> All() => [new LayerNormCase(65, 96), new LayerNormCase(3, 17), new LayerNormCase(0, 8)];

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        long elements = (long)rows * width;
        T[] input = inputs.Normal<T>(elements, mean: 0.5);
        T[] gain = inputs.Normal<T>(width, 0.1, 1);
        T[] bias = inputs.Normal<T>(width, 0.1);
        T[] outputGradient = inputs.Normal<T>(elements);

        T[] output = InputSource.Output<T>(elements);
        LayerNorm.Forward<T>(context, rows, width, LayerNorm.DefaultEpsilon, input, gain, bias, output);
        results.Add("output", Direction.Forward, output);

        T[] inputGradient = InputSource.Output<T>(elements);
        T[] gainGradient = InputSource.Output<T>(width);
        T[] biasGradient = InputSource.Output<T>(width);
        LayerNorm.Backward<T>(context, rows, width, LayerNorm.DefaultEpsilon, input, gain, outputGradient, inputGradient, gainGradient, biasGradient);
        results.Add("input gradient", Direction.Backward, inputGradient);
        results.Add("gain gradient", Direction.Backward, gainGradient);
        results.Add("bias gradient", Direction.Backward, biasGradient);
    }
}

/// <summary>Sum, mean and maximum over segments.</summary>
internal sealed class SegmentReduceCase(SegmentReduction reduction) : VerificationCase("segment reduce", reduction.ToString().ToLowerInvariant())
{
    private const int Width = 33;

    public static IEnumerable<VerificationCase> All() => Enum.GetValues<SegmentReduction>().Select(reduction => new SegmentReduceCase(reduction));

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        JaggedLayout segments = JaggedLayout.FromLengths(0, 1, 7, 64, 0, 200);
        T[] input = inputs.Normal<T>(segments.Total * Width);
        T[] outputGradient = inputs.Normal<T>((long)segments.Count * Width);

        T[] output = InputSource.Output<T>(outputGradient.Length);
        SegmentReduce.Forward<T>(context, reduction, segments, Width, input, output);
        results.Add("output", Direction.Forward, output);

        T[] inputGradient = InputSource.Output<T>(input.Length);
        SegmentReduce.Backward<T>(context, reduction, segments, Width, input, outputGradient, inputGradient);
        // Which of two rows is the largest may hang on the last bit: the maximum's gradient is compared by its sum over a segment.
        results.Add("input gradient", Direction.Backward, reduction == SegmentReduction.Max ? ColumnSums(segments, inputGradient) : inputGradient);
    }

    private static T[] ColumnSums<T>(JaggedLayout segments, T[] rows)
        where T : unmanaged
    {
        var sums = new float[segments.Count * Width];
        for (int segment = 0; segment < segments.Count; segment++)
        {
            for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
            {
                for (int column = 0; column < Width; column++)
                {
                    sums[(segment * Width) + column] += Element<T>.ToSingle(rows[(row * Width) + column]);
                }
            }
        }
        return Array.ConvertAll(sums, Element<T>.FromSingle);
    }
}

/// <summary>Time-gap embedding.</summary>
internal sealed class TimeEmbeddingCase() : VerificationCase("time embedding", "24 buckets, width 40")
{
    private const int Width = 40;

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        var buckets = new TimeBuckets(24);
        JaggedLayout segments = JaggedLayout.FromLengths(0, 1, 65, 200);
        long[] requestTimes = [1_000_000, 1_000_000, 1_000_000, 400_000];
        long[] eventTimes = inputs.Whole(segments.Total, 1_000_000);
        T[] table = inputs.Normal<T>((long)buckets.Buckets * Width);
        T[] rows = inputs.Normal<T>(segments.Total * Width);
        T[] rowGradient = inputs.Normal<T>(segments.Total * Width);

        TimeEmbedding.Forward<T>(context, buckets, segments, Width, requestTimes, eventTimes, table, rows);
        results.Add("rows", Direction.Forward, rows);

        T[] tableGradient = InputSource.Output<T>(table.Length);
        TimeEmbedding.Backward<T>(context, buckets, segments, Width, requestTimes, eventTimes, rowGradient, tableGradient);
        results.Add("table gradient", Direction.Backward, tableGradient);
    }
}

/// <summary>Encoding summaries and reading them back.</summary>
internal sealed class SummaryCodecCase(SummaryEncoding encoding) : VerificationCase("summary codec", encoding.ToString().ToLowerInvariant())
{
    private const int Width = 37;
    private const int Rows = 29;

    public static IEnumerable<VerificationCase> All() => Enum.GetValues<SummaryEncoding>().Select(encoding => new SummaryCodecCase(encoding));

    public override bool IsFloat32Only => true;

    public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
    {
        float[] input = inputs.Single(Rows * Width);
        input.AsSpan(0, Width).Clear();
        var codes = new byte[Rows * SummaryCodec.RowBytes(encoding, Width)];
        float[] scales = InputSource.Output<float>(Rows);
        SummaryCodec.Encode(context, encoding, Width, input, codes, scales);
        float[] decoded = InputSource.Output<float>(input.Length);
        SummaryCodec.Decode(context, encoding, Width, codes, scales, decoded);
        results.Add("scales", Direction.Forward, scales);
        results.Add("decoded rows", Direction.Forward, decoded);
    }
}

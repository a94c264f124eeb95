using System.Runtime.CompilerServices;

namespace LongSeqKernels.Cli;

/// <summary>Benchmarks of the layers around attention: FFN, linear, norm, sums, embeddings, states, codes.</summary>
internal static class LayerBenchmarks
{
    public static IEnumerable<PendingBench> All<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        yield return new PendingBench("gated FFN", () => Ffn<T>(context, sizes, Direction.Forward));
        yield return new PendingBench("gated FFN", () => Ffn<T>(context, sizes, Direction.Backward));
        yield return new PendingBench("linear", () => LinearLayer<T>(context, sizes, Direction.Forward));
        yield return new PendingBench("linear", () => LinearLayer<T>(context, sizes, Direction.Backward));
        yield return new PendingBench("layer norm", () => Norm<T>(context, sizes));
        yield return new PendingBench("linear attention", () => State<T>(context, sizes));
        yield return new PendingBench("sketch attention", () => Sketch<T>(context, sizes));
        yield return new PendingBench("segment reduce", () => Mean<T>(context, sizes));
        yield return new PendingBench("time embedding", () => TimeGaps<T>(context, sizes));
        if (typeof(T) == typeof(float))
        {
            yield return new PendingBench("merge states", () => Merge(context, sizes));
            yield return new PendingBench("summary codec", () => Decode(context, sizes));
        }
    }

    private static BenchCase Ffn<T>(LongSeqContext context, BenchShape sizes, Direction direction)
        where T : unmanaged
    {
        var shape = new GatedFfnShape(sizes.History, sizes.Width, sizes.Expansion * sizes.Width);
        var inputs = new InputSource(1, Element<T>.Type);
        double scale = 1 / Math.Sqrt(sizes.Width);
        T[] input = inputs.Normal<T>((long)shape.Rows * shape.Width);
        T[] up = inputs.Normal<T>((long)shape.Width * shape.HiddenWidth, scale);
        T[] gate = inputs.Normal<T>(up.Length, scale);
        T[] down = inputs.Normal<T>(up.Length, scale);
        var output = new T[input.Length];
        string name = $"{Format.Count(shape.Rows)} rows, {shape.Width} to {shape.HiddenWidth}";
        double flops = 6.0 * shape.Rows * shape.Width * shape.HiddenWidth;
        double bytes = (double)Unsafe.SizeOf<T>() * ((2.0 * input.Length) + (3.0 * up.Length));
        if (direction == Direction.Forward)
        {
            return new BenchCase("gated FFN", name, direction, flops, bytes, () =>
                GatedFfn.Forward<T>(context, shape, input, new GatedFfnWeights<T> { Up = up, Gate = gate, Down = down }, output));
        }
        T[] outputGradient = inputs.Normal<T>(input.Length);
        T[] upGradient = new T[up.Length], gateGradient = new T[up.Length], downGradient = new T[up.Length];
        return new BenchCase("gated FFN", name, direction, 3 * flops, 2 * bytes, () =>
            GatedFfn.Backward<T>(context, shape, input, new GatedFfnWeights<T> { Up = up, Gate = gate, Down = down }, outputGradient, output, new GatedFfnGradients<T> { Up = upGradient, Gate = gateGradient, Down = downGradient }));
    }

    private static BenchCase LinearLayer<T>(LongSeqContext context, BenchShape sizes, Direction direction)
        where T : unmanaged
    {
        var shape = new LinearShape(sizes.History, sizes.Width, sizes.Width);
        var inputs = new InputSource(1, Element<T>.Type);
        T[] input = inputs.Normal<T>((long)shape.Rows * shape.InputWidth);
        T[] weight = inputs.Normal<T>((long)shape.InputWidth * shape.OutputWidth, 1 / Math.Sqrt(sizes.Width));
        T[] rows = direction == Direction.Forward ? new T[input.Length] : inputs.Normal<T>(input.Length);
        T[] inputGradient = new T[direction == Direction.Forward ? 0 : input.Length];
        T[] weightGradient = new T[direction == Direction.Forward ? 0 : weight.Length];
        string name = $"{Format.Count(shape.Rows)} rows, {shape.InputWidth} to {shape.OutputWidth}";
        double flops = 2.0 * shape.Rows * shape.InputWidth * shape.OutputWidth;
        double bytes = (double)Unsafe.SizeOf<T>() * ((2.0 * input.Length) + weight.Length);
        return direction == Direction.Forward
            ? new BenchCase("linear", name, direction, flops, bytes, () => Linear.Forward<T>(context, shape, input, weight, [], rows))
            : new BenchCase("linear", name, direction, 2 * flops, 2 * bytes, () => Linear.Backward<T>(context, shape, input, weight, rows, inputGradient, weightGradient, []));
    }

    private static BenchCase Norm<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        T[] input = new InputSource(1, Element<T>.Type).Normal<T>((long)sizes.History * sizes.Width);
        var output = new T[input.Length];
        return new BenchCase("layer norm", $"{Format.Count(sizes.History)} rows of {sizes.Width}", Direction.Forward, 7.0 * input.Length, 2.0 * Unsafe.SizeOf<T>() * input.Length, () =>
            LayerNorm.Forward<T>(context, sizes.History, sizes.Width, LayerNorm.DefaultEpsilon, input, [], [], output));
    }

    private static BenchCase State<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        var shape = new LinearAttentionShape(sizes.Heads, sizes.HeadWidth, sizes.HeadWidth);
        JaggedLayout history = JaggedLayout.FromLengths(sizes.History);
        var inputs = new InputSource(1, Element<T>.Type);
        T[] keys = inputs.Normal<T>(history.Total * shape.KeyRow);
        T[] values = inputs.Normal<T>(history.Total * shape.ValueRow);
        var state = new float[shape.State];
        return new BenchCase(
            "linear attention",
            $"state of {Format.Count(sizes.History)} events, {sizes.Heads} heads of {sizes.HeadWidth}",
            Direction.Forward,
            2.0 * history.Total * shape.State,
            2.0 * Unsafe.SizeOf<T>() * keys.Length,
            () =>
            {
                Array.Clear(state);
                LinearAttention.AddToState<T>(context, shape, new LinearAttentionOptions(), history, keys, values, state);
            });
    }

    private static BenchCase Sketch<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        var shape = new SketchAttentionShape(JaggedLayout.FromLengths(sizes.History), sizes.Seeds, sizes.Width, sizes.Width);
        var inputs = new InputSource(1, Element<T>.Type);
        T[] prototypes = inputs.Normal<T>((long)shape.Prototypes * shape.KeyWidth);
        T[] keys = inputs.Normal<T>((long)sizes.History * shape.KeyWidth);
        T[] values = inputs.Normal<T>((long)sizes.History * shape.ValueWidth);
        var sketch = new T[shape.SketchLength];
        var logSumExp = new float[sizes.History];
        var mass = new float[shape.Prototypes];
        return new BenchCase(
            "sketch attention",
            $"{shape.Prototypes} prototypes, {Format.Count(sizes.History)} events, D = {sizes.Width}",
            Direction.Forward,
            4.0 * shape.Prototypes * sizes.History * sizes.Width,
            (double)Unsafe.SizeOf<T>() * (keys.Length + values.Length + sketch.Length),
            () => SketchAttention.Forward<T>(context, shape, prototypes, keys, values, sketch, logSumExp, mass));
    }

    private static BenchCase Mean<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        JaggedLayout segments = JaggedLayout.FromLengths(sizes.History);
        T[] input = new InputSource(1, Element<T>.Type).Normal<T>((long)sizes.History * sizes.Width);
        var output = new T[sizes.Width];
        return new BenchCase("segment reduce", $"mean of {Format.Count(sizes.History)} rows of {sizes.Width}", Direction.Forward, input.Length, (double)Unsafe.SizeOf<T>() * input.Length, () =>
            SegmentReduce.Forward<T>(context, SegmentReduction.Mean, segments, sizes.Width, input, output));
    }

    private static BenchCase TimeGaps<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        var buckets = new TimeBuckets(32);
        JaggedLayout segments = JaggedLayout.FromLengths(sizes.History);
        var inputs = new InputSource(1, Element<T>.Type);
        long[] times = inputs.Whole(sizes.History, 1_000_000);
        T[] table = inputs.Normal<T>((long)buckets.Buckets * sizes.Width, 1e-3);
        var rows = new T[(long)sizes.History * sizes.Width];
        return new BenchCase("time embedding", $"{Format.Count(sizes.History)} rows of {sizes.Width}", Direction.Forward, rows.Length, 2.0 * Unsafe.SizeOf<T>() * rows.Length, () =>
            TimeEmbedding.Forward<T>(context, buckets, segments, sizes.Width, [1_000_000], times, table, rows));
    }

    private static BenchCase Merge(LongSeqContext context, BenchShape sizes)
    {
        const int Parts = 8;
        int rows = sizes.Targets * sizes.Heads;
        var inputs = new InputSource(1, ElementType.Float32);
        float[] outputs = inputs.Single((long)Parts * rows * sizes.HeadWidth);
        float[] logSumExps = inputs.Single((long)Parts * rows);
        var output = new float[rows * sizes.HeadWidth];
        var logSumExp = new float[rows];
        return new BenchCase("merge states", $"{Parts} parts, {Format.Count(rows)} rows of {sizes.HeadWidth}", Direction.Forward, 2.0 * outputs.Length, 4.0 * (outputs.Length + output.Length), () =>
            MergeStates.Forward(context, rows, sizes.HeadWidth, outputs, logSumExps, output, logSumExp));
    }

    private static BenchCase Decode(LongSeqContext context, BenchShape sizes)
    {
        int rows = sizes.History;
        float[] output = new InputSource(1, ElementType.Float32).Single((long)rows * sizes.Width);
        var codes = new byte[(long)rows * SummaryCodec.RowBytes(SummaryEncoding.Int8, sizes.Width)];
        var scales = new float[rows];
        SummaryCodec.Encode(context, SummaryEncoding.Int8, sizes.Width, output, codes, scales);
        return new BenchCase("summary codec", $"int8 decode, {Format.Count(rows)} rows of {sizes.Width}", Direction.Forward, output.Length, codes.Length + (4.0 * output.Length), () =>
            SummaryCodec.Decode(context, SummaryEncoding.Int8, sizes.Width, codes, scales, output));
    }
}

namespace LongSeqKernels.Tests;

/// <summary>The input and the parameters of a gated FFN, or their gradients; without affine, biases and the norm's parameters are empty.</summary>
internal sealed record GatedFfnData<T>
    where T : unmanaged
{
    public required GatedFfnShape Shape { get; init; }

    public required T[] Input { get; init; }

    public required T[] Up { get; init; }

    public required T[] Gate { get; init; }

    public required T[] Down { get; init; }

    public required T[] UpBias { get; init; }

    public required T[] GateBias { get; init; }

    public required T[] DownBias { get; init; }

    public required T[] NormGain { get; init; }

    public required T[] NormBias { get; init; }

    public required T[] OutputGradient { get; init; }

    public static GatedFfnData<T> Of(GatedFfnShape shape, bool affine)
    {
        int width = shape.Width;
        int hidden = affine ? shape.HiddenWidth : 0;
        int norm = affine && shape.Norm == FfnNorm.LayerNorm ? width : 0;
        return new GatedFfnData<T>
        {
            Shape = shape,
            Input = Samples.Normal<T>(1, (long)shape.Rows * width),
            Up = Samples.Normal<T>(2, (long)width * shape.HiddenWidth, 1 / Math.Sqrt(width)),
            Gate = Samples.Normal<T>(3, (long)width * shape.HiddenWidth, 1 / Math.Sqrt(width)),
            Down = Samples.Normal<T>(4, (long)width * shape.HiddenWidth, 1 / Math.Sqrt(shape.HiddenWidth)),
            UpBias = Samples.Normal<T>(5, hidden),
            GateBias = Samples.Normal<T>(6, hidden),
            DownBias = Samples.Normal<T>(7, affine ? width : 0),
            NormGain = Samples.Normal<T>(8, norm),
            NormBias = Samples.Normal<T>(9, norm),
            OutputGradient = Samples.Normal<T>(10, (long)shape.Rows * width),
        };
    }

    /// <summary>This record's input and parameters, each with its partner of another record: the gradients of a run, for instance.</summary>
    public IEnumerable<(string Name, T[] Mine, TOther[] Other)> With<TOther>(GatedFfnData<TOther> other)
        where TOther : unmanaged =>
        [
            ("input", Input, other.Input),
            ("up", Up, other.Up),
            ("gate", Gate, other.Gate),
            ("down", Down, other.Down),
            ("upBias", UpBias, other.UpBias),
            ("gateBias", GateBias, other.GateBias),
            ("downBias", DownBias, other.DownBias),
            ("normGain", NormGain, other.NormGain),
            ("normBias", NormBias, other.NormBias),
        ];

    public GatedFfnData<TOther> Select<TOther>(Func<T[], TOther[]> map)
        where TOther : unmanaged => new()
        {
            Shape = Shape,
            Input = map(Input),
            Up = map(Up),
            Gate = map(Gate),
            Down = map(Down),
            UpBias = map(UpBias),
            GateBias = map(GateBias),
            DownBias = map(DownBias),
            NormGain = map(NormGain),
            NormBias = map(NormBias),
            OutputGradient = map(OutputGradient),
        };
}

/// <summary>Runs a gated FFN through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class GatedFfnRun
{
    public static T[] Forward<T>(LongSeqContext context, GatedFfnData<T> data)
        where T : unmanaged
    {
        GuardedBuffer<T> output = GuardedBuffer<T>.Output(data.Input.Length);
        GatedFfn.Forward(context, data.Shape, GuardedBuffer<T>.Of(data.Input).Span, Weights(data), output.Span);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }

    /// <summary>All gradients; with <paramref name="addTo"/> they are added to what its arrays hold.</summary>
    public static GatedFfnData<T> Backward<T>(LongSeqContext context, GatedFfnData<T> data, GatedFfnData<T>? addTo = null)
        where T : unmanaged
    {
        GatedFfnData<T> shapes = addTo ?? data;
        GuardedBuffer<T> Result(T[] like) => addTo is null ? GuardedBuffer<T>.Output(like.Length) : GuardedBuffer<T>.Of(like);
        GuardedBuffer<T> input = Result(shapes.Input);
        GuardedBuffer<T>[] results =
        [
            Result(shapes.Up), Result(shapes.Gate), Result(shapes.Down), Result(shapes.UpBias), Result(shapes.GateBias),
            Result(shapes.DownBias), Result(shapes.NormGain), Result(shapes.NormBias),
        ];
        GatedFfn.Backward(
            context,
            data.Shape,
            GuardedBuffer<T>.Of(data.Input).Span,
            Weights(data),
            GuardedBuffer<T>.Of(data.OutputGradient).Span,
            input.Span,
            new GatedFfnGradients<T>
            {
                Up = results[0].Span,
                Gate = results[1].Span,
                Down = results[2].Span,
                UpBias = results[3].Span,
                GateBias = results[4].Span,
                DownBias = results[5].Span,
                NormGain = results[6].Span,
                NormBias = results[7].Span,
            },
            addTo is null ? OutputMode.Overwrite : OutputMode.Add);
        input.AssertGuardIntact("inputGradient");
        Array.ForEach(results, r => r.AssertGuardIntact("gradient of a parameter"));
        return data with
        {
            Input = input.ToArray(),
            Up = results[0].ToArray(),
            Gate = results[1].ToArray(),
            Down = results[2].ToArray(),
            UpBias = results[3].ToArray(),
            GateBias = results[4].ToArray(),
            DownBias = results[5].ToArray(),
            NormGain = results[6].ToArray(),
            NormBias = results[7].ToArray(),
        };
    }

    private static GatedFfnWeights<T> Weights<T>(GatedFfnData<T> data)
        where T : unmanaged => new()
        {
            Up = GuardedBuffer<T>.Of(data.Up).Span,
            Gate = GuardedBuffer<T>.Of(data.Gate).Span,
            Down = GuardedBuffer<T>.Of(data.Down).Span,
            UpBias = GuardedBuffer<T>.Of(data.UpBias).Span,
            GateBias = GuardedBuffer<T>.Of(data.GateBias).Span,
            DownBias = GuardedBuffer<T>.Of(data.DownBias).Span,
            NormGain = GuardedBuffer<T>.Of(data.NormGain).Span,
            NormBias = GuardedBuffer<T>.Of(data.NormBias).Span,
        };
}

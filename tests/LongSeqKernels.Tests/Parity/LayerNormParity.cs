using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class LayerNormParity<T>(string backend)
    where T : unmanaged
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        from shape in new (int Rows, int Width)[]
        {
            (0, 32), (1, 32), (3, 1), (3, 2), (3, 7), (9, 8), (63, 20), (64, 40), (126, 64), (128, 100), (5, 256), (2, 1025), (700, 16),
        }
        from affine in new[] { true, false }
        select new TestCaseData(shape.Rows, shape.Width, affine).SetArgDisplayNames($"{shape.Rows}x{shape.Width}", affine ? "affine" : "plain");

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(int rows, int width, bool affine)
    {
        LayerNormData<T> data = LayerNormData<T>.Of(rows, width, affine);

        T[] actual = LayerNormRun.Forward(Context, data);

        AssertForward(data, actual);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(int rows, int width, bool affine)
    {
        LayerNormData<T> data = LayerNormData<T>.Of(rows, width, affine);
        LayerNormGradients<float> reference = LayerNormRun.Backward(BackendRegistry.Reference, data.Widened());
        LayerNormGradients<float> naive = new Naive(data.Widened()).Backward();

        LayerNormGradients<T> actual = LayerNormRun.Backward(Context, data);

        AssertFlashRule<T>("inputGradient", Widen(actual.Input), naive.Input, reference.Input);
        AssertFlashRule<T>("gainGradient", Widen(actual.Gain), naive.Gain, reference.Gain);
        AssertFlashRule<T>("biasGradient", Widen(actual.Bias), naive.Bias, reference.Bias);
    }

    [Test]
    public void AMeanFarFromZeroDoesNotCancel()
    {
        LayerNormData<T> data = LayerNormData<T>.Of(9, 64, affine: true);
        data = data with { Input = Narrow<T>([.. Widen(data.Input).Select(x => x + 300)]) };

        T[] actual = LayerNormRun.Forward(Context, data);

        AssertForward(data, actual);
    }

    [Test]
    public void ARowOfEqualElementsGivesTheBias()
    {
        LayerNormData<T> data = LayerNormData<T>.Of(3, 24, affine: true);
        data = data with { Input = Narrow<T>([.. Enumerable.Repeat(0.5f, data.Input.Length)]) };

        T[] actual = LayerNormRun.Forward(Context, data);

        AssertSameBits(actual, [.. data.Bias, .. data.Bias, .. data.Bias], "output");
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        LayerNormData<T> data = LayerNormData<T>.Of(1000, 33, affine: true);
        T[] output = LayerNormRun.Forward(Context, data);
        LayerNormGradients<T> gradients = LayerNormRun.Backward(Context, data);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(LayerNormRun.Forward(Context, data), output, "output");
            LayerNormGradients<T> again = LayerNormRun.Backward(Context, data);
            AssertSameBits(again.Input, gradients.Input, "inputGradient");
            AssertSameBits(again.Gain, gradients.Gain, "gainGradient");
            AssertSameBits(again.Bias, gradients.Bias, "biasGradient");
        }
    }

    private static void AssertForward(LayerNormData<T> data, T[] actual)
    {
        float[] reference = LayerNormRun.Forward(BackendRegistry.Reference, data.Widened());
        AssertFlashRule<T>("output", Widen(actual), new Naive(data.Widened()).Output.Values, reference);
    }

    private sealed class Naive
    {
        private readonly NaiveTape<T> _tape = new();
        private readonly LayerNormData<float> _data;
        private readonly NaiveMatrix _input;
        private readonly NaiveMatrix? _gain;
        private readonly NaiveMatrix? _bias;

        public Naive(LayerNormData<float> data)
        {
            _data = data;
            _input = _tape.Input(data.Input, data.Rows, data.Width);
            Output = _tape.Normalise(_input, LayerNorm.DefaultEpsilon);
            if (data.Gain.Length != 0)
            {
                _gain = _tape.Input(data.Gain, 1, data.Width);
                _bias = _tape.Input(data.Bias, 1, data.Width);
                Output = _tape.Add(_tape.Hadamard(Output, _gain), _bias);
            }
        }

        public NaiveMatrix Output { get; }

        public LayerNormGradients<float> Backward()
        {
            _data.OutputGradient.CopyTo(Output.Gradient, 0);
            _tape.Backward();
            return new LayerNormGradients<float>(_input.Gradient, _gain?.Gradient ?? [], _bias?.Gradient ?? []);
        }
    }
}

/// <summary>The tensors of a layer norm; gain and bias are empty when plain.</summary>
internal sealed record LayerNormData<T>(int Rows, int Width)
    where T : unmanaged
{
    public required T[] Input { get; init; }

    public required T[] Gain { get; init; }

    public required T[] Bias { get; init; }

    public required T[] OutputGradient { get; init; }

    public static LayerNormData<T> Of(int rows, int width, bool affine) => new(rows, width)
    {
        Input = Normal<T>(1, (long)rows * width),
        Gain = Normal<T>(2, affine ? width : 0),
        Bias = Normal<T>(3, affine ? width : 0),
        OutputGradient = Normal<T>(4, (long)rows * width),
    };

    public LayerNormData<float> Widened() => new(Rows, Width)
    {
        Input = Widen(Input),
        Gain = Widen(Gain),
        Bias = Widen(Bias),
        OutputGradient = Widen(OutputGradient),
    };
}

internal sealed record LayerNormGradients<T>(T[] Input, T[] Gain, T[] Bias);

/// <summary>Runs a layer norm through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class LayerNormRun
{
    public static T[] Forward<T>(LongSeqContext context, LayerNormData<T> data)
        where T : unmanaged
    {
        GuardedBuffer<T> output = GuardedBuffer<T>.Output(data.Input.Length);
        LayerNorm.Forward(
            context,
            data.Rows,
            data.Width,
            LayerNorm.DefaultEpsilon,
            GuardedBuffer<T>.Of(data.Input).Span,
            GuardedBuffer<T>.Of(data.Gain).Span,
            GuardedBuffer<T>.Of(data.Bias).Span,
            output.Span);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }

    public static LayerNormGradients<T> Backward<T>(LongSeqContext context, LayerNormData<T> data)
        where T : unmanaged
    {
        GuardedBuffer<T> input = GuardedBuffer<T>.Output(data.Input.Length);
        GuardedBuffer<T> gain = GuardedBuffer<T>.Output(data.Gain.Length);
        GuardedBuffer<T> bias = GuardedBuffer<T>.Output(data.Bias.Length);
        LayerNorm.Backward(
            context,
            data.Rows,
            data.Width,
            LayerNorm.DefaultEpsilon,
            GuardedBuffer<T>.Of(data.Input).Span,
            GuardedBuffer<T>.Of(data.Gain).Span,
            GuardedBuffer<T>.Of(data.OutputGradient).Span,
            input.Span,
            gain.Span,
            bias.Span);
        input.AssertGuardIntact("inputGradient");
        gain.AssertGuardIntact("gainGradient");
        bias.AssertGuardIntact("biasGradient");
        return new LayerNormGradients<T>(input.ToArray(), gain.ToArray(), bias.ToArray());
    }
}

using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class GatedFfnParity<T>(string backend)
    where T : unmanaged
{
    private static readonly Expected<Expectation> Expectations = new();

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        [
            .. from rows in new[] { 0, 1, 2, 3, 9, 63, 64, 65, 126, 128 } select Case(rows, 32, 64, FfnNorm.LayerNorm, true),
            .. from width in new[] { 1, 7, 8, 20, 40, 64, 100 } select Case(17, width, 2 * width, FfnNorm.LayerNorm, true),
            Case(33, 20, 33, FfnNorm.None, true),
            Case(33, 20, 7, FfnNorm.LayerNorm, false),
            Case(5, 64, 129, FfnNorm.None, false),
            Case(130, 128, 256, FfnNorm.LayerNorm, true),
            Case(3, 256, 512, FfnNorm.LayerNorm, false),
        ];

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(GatedFfnShape shape, bool affine)
    {
        Expectation expected = Expect(shape, affine);

        T[] actual = GatedFfnRun.Forward(Context, GatedFfnData<T>.Of(shape, affine));

        AssertFlashRule<T>("output", Widen(actual), expected.NaiveOutput, expected.Output);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(GatedFfnShape shape, bool affine)
    {
        Expectation expected = Expect(shape, affine);

        GatedFfnData<T> actual = GatedFfnRun.Backward(Context, GatedFfnData<T>.Of(shape, affine));

        AssertGradients(actual.Select(Widen), expected.NaiveGradients, expected.Gradients);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardCanAddToItsGradients(GatedFfnShape shape, bool affine)
    {
        Expectation expected = Expect(shape, affine);
        GatedFfnData<T> data = GatedFfnData<T>.Of(shape, affine);

        GatedFfnData<T> actual = GatedFfnRun.Backward(Context, data, Before(data));

        AssertGradients(actual.Select(Widen), expected.NaiveAdded, expected.Added);
    }

    [Test]
    public void ResultsAreRoundedToNearest()
    {
        GatedFfnShape shape = new(128, 32, 64);
        Expectation expected = Expect(shape, affine: false);
        GatedFfnData<T> data = GatedFfnData<T>.Of(shape, affine: false);

        T[] output = GatedFfnRun.Forward(Context, data);
        GatedFfnData<T> gradients = GatedFfnRun.Backward(Context, data);

        AssertRoundedToNearest<T>("output", Widen(output), expected.Output);
        AssertRoundedToNearest<T>("inputGradient", Widen(gradients.Input), expected.Gradients.Input);
        AssertRoundedToNearest<T>("gradients.Up", Widen(gradients.Up), expected.Gradients.Up);
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        GatedFfnData<T> data = GatedFfnData<T>.Of(new GatedFfnShape(300, 40, 80), affine: true);
        T[] output = GatedFfnRun.Forward(Context, data);
        GatedFfnData<T> gradients = GatedFfnRun.Backward(Context, data);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(GatedFfnRun.Forward(Context, data), output, "output");
            foreach ((string name, T[] actual, T[] expected) in GatedFfnRun.Backward(Context, data).With(gradients))
            {
                AssertSameBits(actual, expected, name);
            }
        }
    }

    [Test]
    public void ARowDoesNotDependOnItsNeighbours()
    {
        GatedFfnData<T> data = GatedFfnData<T>.Of(new GatedFfnShape(67, 40, 80), affine: true);
        T[] expected = GatedFfnRun.Forward(Context, data);
        JaggedLayout rows = JaggedLayout.FromLengths(1, 1, 65);
        GatedFfnData<T> poisoned = data with { Input = PoisonOutside(data.Input, rows, 1) };

        T[] actual = GatedFfnRun.Forward(Context, poisoned);

        AssertSameBits(Segment(actual, rows, 1), Segment(expected, rows, 1), "output");
    }

    private static TestCaseData Case(int rows, int width, int hidden, FfnNorm norm, bool affine) =>
        new TestCaseData(new GatedFfnShape(rows, width, hidden, norm), affine)
            .SetArgDisplayNames($"{rows}x{width} r {hidden}", norm.ToString(), affine ? "affine" : "plain");

    /// <summary>What gradients hold before they are added to.</summary>
    private static GatedFfnData<T> Before(GatedFfnData<T> data) => data.Select(values => Normal<T>(20, values.Length));

    private static Expectation Expect(GatedFfnShape shape, bool affine) => Expectations.Of($"{shape} {affine}", () =>
    {
        GatedFfnData<T> data = GatedFfnData<T>.Of(shape, affine);
        GatedFfnData<float> widened = data.Select(Widen);
        GatedFfnData<float> before = Before(data).Select(Widen);
        Naive naive = new(widened);
        return new Expectation(
            GatedFfnRun.Forward(BackendRegistry.Reference, widened),
            naive.Output.Values,
            GatedFfnRun.Backward(BackendRegistry.Reference, widened),
            naive.Backward(),
            GatedFfnRun.Backward(BackendRegistry.Reference, widened, before),
            new Naive(widened).Backward(before));
    });

    private static void AssertGradients(GatedFfnData<float> actual, GatedFfnData<float> naive, GatedFfnData<float> reference)
    {
        foreach (((string name, float[] its, float[] exact), (_, _, float[] simple)) in actual.With(reference).Zip(actual.With(naive)))
        {
            AssertFlashRule<T>(name, its, simple, exact);
        }
    }

    private sealed record Expectation(
        float[] Output,
        float[] NaiveOutput,
        GatedFfnData<float> Gradients,
        GatedFfnData<float> NaiveGradients,
        GatedFfnData<float> Added,
        GatedFfnData<float> NaiveAdded);

    private sealed class Naive
    {
        private readonly NaiveTape<T> _tape = new();
        private readonly GatedFfnData<float> _data;
        private readonly Dictionary<string, NaiveMatrix> _inputs = [];

        public Naive(GatedFfnData<float> data)
        {
            _data = data;
            GatedFfnShape shape = data.Shape;
            NaiveMatrix input = Input("input", data.Input, shape.Rows, shape.Width);
            NaiveMatrix up = Affine(_tape.Multiply(input, Input("up", data.Up, shape.Width, shape.HiddenWidth)), "upBias", data.UpBias);
            NaiveMatrix gate = Affine(_tape.Multiply(input, Input("gate", data.Gate, shape.Width, shape.HiddenWidth)), "gateBias", data.GateBias);
            NaiveMatrix hidden = _tape.Hadamard(up, _tape.Silu(gate));
            Output = Affine(_tape.Multiply(hidden, Input("down", data.Down, shape.HiddenWidth, shape.Width)), "downBias", data.DownBias);
            if (shape.Norm == FfnNorm.LayerNorm)
            {
                Output = _tape.Normalise(Output, shape.Epsilon);
                Output = data.NormGain.Length == 0 ? Output : _tape.Hadamard(Output, Input("normGain", data.NormGain, 1, shape.Width));
                Output = Affine(Output, "normBias", data.NormBias);
            }
        }

        public NaiveMatrix Output { get; }

        public GatedFfnData<float> Backward(GatedFfnData<float>? addTo = null)
        {
            foreach ((string name, _, float[] before) in addTo is null ? [] : _data.With(addTo))
            {
                if (_inputs.TryGetValue(name, out NaiveMatrix? matrix))
                {
                    before.CopyTo(matrix.Gradient, 0);
                }
            }
            _data.OutputGradient.CopyTo(Output.Gradient, 0);
            _tape.Backward();
            float[] Gradient(string name) => _inputs.TryGetValue(name, out NaiveMatrix? matrix) ? matrix.Gradient : [];
            return _data with
            {
                Input = Gradient("input"),
                Up = Gradient("up"),
                Gate = Gradient("gate"),
                Down = Gradient("down"),
                UpBias = Gradient("upBias"),
                GateBias = Gradient("gateBias"),
                DownBias = Gradient("downBias"),
                NormGain = Gradient("normGain"),
                NormBias = Gradient("normBias"),
            };
        }

        private NaiveMatrix Affine(NaiveMatrix product, string name, float[] bias) =>
            bias.Length == 0 ? product : _tape.Add(product, Input(name, bias, 1, bias.Length));

        private NaiveMatrix Input(string name, float[] values, int rows, int columns) => _inputs[name] = _tape.Input(values, rows, columns);
    }
}

using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class LinearParity<T>(string backend)
    where T : unmanaged
{
    private static readonly Expected<(float[] Reference, float[] Naive)> Outputs = new();
    private static readonly Expected<(LinearGradients<float> Reference, LinearGradients<float> Naive)> Gradients = new();

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        [
            .. from rows in new[] { 0, 1, 2, 3, 9, 16, 63, 64, 65, 126, 128 } select Case(rows, 40, 48),
            .. from width in new[] { 1, 7, 8, 17, 32, 64, 100, 256 } select Case(5, width, 33),
            .. from width in new[] { 1, 7, 8, 16, 17, 31, 64, 100, 256 } select Case(19, 24, width),
            Case(130, 129, 127),
            Case(300, 64, 64),
            Case(1, 1000, 65),
        ];

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(LinearShape shape)
    {
        LinearData<T> data = LinearData<T>.Of(shape);
        foreach (OutputMode mode in Enum.GetValues<OutputMode>())
        {
            foreach (T[] bias in new[] { data.Bias, [] })
            {
                (float[] reference, float[] naive) = Outputs.Of($"{shape} {mode} {bias.Length}", () =>
                    (LinearRun.Forward(BackendRegistry.Reference, data.Widened(), Widen(bias), mode), new Naive(data, bias, mode).Output.Values));

                T[] actual = LinearRun.Forward(Context, data, bias, mode);

                AssertFlashRule<T>($"output, {mode}, {bias.Length} biases", Widen(actual), naive, reference);
            }
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(LinearShape shape)
    {
        LinearData<T> data = LinearData<T>.Of(shape);
        foreach (OutputMode mode in Enum.GetValues<OutputMode>())
        {
            (LinearGradients<float> reference, LinearGradients<float> naive) = Gradients.Of($"{shape} {mode}", () =>
                (LinearRun.Backward(BackendRegistry.Reference, data.Widened(), mode), new Naive(data, data.Bias, OutputMode.Overwrite).Backward(mode)));

            LinearGradients<T> actual = LinearRun.Backward(Context, data, mode);

            AssertFlashRule<T>($"inputGradient, {mode}", Widen(actual.Input), naive.Input, reference.Input);
            AssertFlashRule<T>($"weightGradient, {mode}", Widen(actual.Weight), naive.Weight, reference.Weight);
            AssertFlashRule<T>($"biasGradient, {mode}", Widen(actual.Bias), naive.Bias, reference.Bias);
        }
    }

    [Test]
    public void ResultsAreRoundedToNearest()
    {
        LinearData<T> data = LinearData<T>.Of(new LinearShape(128, 40, 48));
        LinearGradients<float> reference = LinearRun.Backward(BackendRegistry.Reference, data.Widened(), OutputMode.Overwrite);

        T[] output = LinearRun.Forward(Context, data, data.Bias, OutputMode.Overwrite);
        LinearGradients<T> gradients = LinearRun.Backward(Context, data, OutputMode.Overwrite);

        float[] expected = LinearRun.Forward(BackendRegistry.Reference, data.Widened(), Widen(data.Bias), OutputMode.Overwrite);
        AssertRoundedToNearest<T>("output", Widen(output), expected);
        AssertRoundedToNearest<T>("inputGradient", Widen(gradients.Input), reference.Input);
        AssertRoundedToNearest<T>("weightGradient", Widen(gradients.Weight), reference.Weight);
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        LinearData<T> data = LinearData<T>.Of(new LinearShape(500, 65, 70));
        T[] output = LinearRun.Forward(Context, data, data.Bias, OutputMode.Overwrite);
        LinearGradients<T> gradients = LinearRun.Backward(Context, data, OutputMode.Overwrite);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(LinearRun.Forward(Context, data, data.Bias, OutputMode.Overwrite), output, "output");
            LinearGradients<T> again = LinearRun.Backward(Context, data, OutputMode.Overwrite);
            AssertSameBits(again.Input, gradients.Input, "inputGradient");
            AssertSameBits(again.Weight, gradients.Weight, "weightGradient");
            AssertSameBits(again.Bias, gradients.Bias, "biasGradient");
        }
    }

    [Test]
    public void GradientsThatAreNotWantedAreSkipped()
    {
        LinearData<T> data = LinearData<T>.Of(new LinearShape(21, 33, 18));
        LinearGradients<T> all = LinearRun.Backward(Context, data, OutputMode.Overwrite);
        var input = new T[all.Input.Length];
        var weight = new T[all.Weight.Length];
        var bias = new T[all.Bias.Length];

        Linear.Backward(Context, data.Shape, data.Input, data.Weight, data.OutputGradient, input, default, default);
        Linear.Backward(Context, data.Shape, data.Input, data.Weight, data.OutputGradient, default, weight, default);
        Linear.Backward(Context, data.Shape, data.Input, data.Weight, data.OutputGradient, default, default, bias);

        AssertSameBits(input, all.Input, "inputGradient");
        AssertSameBits(weight, all.Weight, "weightGradient");
        AssertSameBits(bias, all.Bias, "biasGradient");
    }

    private static TestCaseData Case(int rows, int input, int output) =>
        new TestCaseData(new LinearShape(rows, input, output)).SetArgDisplayNames($"{rows}x{input} to {output}");

    private sealed class Naive
    {
        private readonly NaiveTape<T> _tape = new();
        private readonly LinearData<float> _data;
        private readonly NaiveMatrix _input;
        private readonly NaiveMatrix _weight;
        private readonly NaiveMatrix _bias;

        public Naive(LinearData<T> data, T[] bias, OutputMode mode)
        {
            _data = data.Widened();
            LinearShape shape = data.Shape;
            _input = _tape.Input(_data.Input, shape.Rows, shape.InputWidth);
            _weight = _tape.Input(_data.Weight, shape.InputWidth, shape.OutputWidth);
            _bias = _tape.Input(Widen(bias), bias.Length == 0 ? 0 : 1, shape.OutputWidth);
            Output = _tape.Multiply(_input, _weight);
            Output = bias.Length == 0 ? Output : _tape.Add(Output, _bias);
            Output = mode == OutputMode.Overwrite ? Output : _tape.Add(_tape.Input(_data.Before, shape.Rows, shape.OutputWidth), Output);
        }

        public NaiveMatrix Output { get; }

        public LinearGradients<float> Backward(OutputMode mode)
        {
            if (mode == OutputMode.Add)
            {
                _data.Input.CopyTo(_input.Gradient, 0);
                _data.Weight.CopyTo(_weight.Gradient, 0);
                _data.Bias.CopyTo(_bias.Gradient, 0);
            }
            _data.OutputGradient.CopyTo(Output.Gradient, 0);
            _tape.Backward();
            return new LinearGradients<float>(_input.Gradient, _weight.Gradient, _bias.Gradient);
        }
    }
}

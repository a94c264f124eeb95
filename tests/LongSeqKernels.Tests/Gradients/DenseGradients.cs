using NUnit.Framework;
using static LongSeqKernels.Tests.FiniteDifferences;

namespace LongSeqKernels.Tests;

/// <summary>
/// Every backend's backward against finite differences of the reference's forward, to which the parity suite holds every other forward: linear, layer norm, gated FFN.
/// </summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class DenseGradients(string backend)
{
    private static LongSeqContext Reference => BackendRegistry.Reference;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    [Test]
    public void LinearBackwardIsTheDerivativeOfForward()
    {
        LinearShape shape = new(3, 4, 2);
        float[] input = Samples.Normal(1, shape.Rows * shape.InputWidth);
        float[] weight = Samples.Normal(2, shape.InputWidth * shape.OutputWidth);
        float[] bias = Samples.Normal(3, shape.OutputWidth);
        float[] weights = Samples.Normal(4, shape.Rows * shape.OutputWidth);
        double Loss()
        {
            var output = new float[weights.Length];
            Linear.Forward(Reference, shape, input, weight, bias, output);
            return WeightedSum(output, weights);
        }

        var inputGradient = new float[input.Length];
        var weightGradient = new float[weight.Length];
        var biasGradient = new float[bias.Length];
        Linear.Backward(Context, shape, input, weight, weights, inputGradient, weightGradient, biasGradient);

        AssertGradient("input", input, inputGradient, Loss);
        AssertGradient("weight", weight, weightGradient, Loss);
        AssertGradient("bias", bias, biasGradient, Loss);
    }

    [Test]
    public void LayerNormBackwardIsTheDerivativeOfForward([Values] bool affine)
    {
        const int Rows = 3;
        const int Width = 5;
        const float Epsilon = 0.1f;
        float[] input = Samples.Normal(1, Rows * Width, 2);
        float[] gain = Samples.Normal(2, affine ? Width : 0);
        float[] bias = Samples.Normal(3, affine ? Width : 0);
        float[] weights = Samples.Normal(4, Rows * Width);
        double Loss()
        {
            var output = new float[weights.Length];
            LayerNorm.Forward(Reference, Rows, Width, Epsilon, input, gain, bias, output);
            return WeightedSum(output, weights);
        }

        var inputGradient = new float[input.Length];
        var gainGradient = new float[gain.Length];
        var biasGradient = new float[bias.Length];
        LayerNorm.Backward(Context, Rows, Width, Epsilon, input, gain, weights, inputGradient, gainGradient, biasGradient);

        AssertGradient("input", input, inputGradient, Loss);
        AssertGradient("gain", gain, gainGradient, Loss);
        AssertGradient("bias", bias, biasGradient, Loss);
    }

    [Test]
    public void GatedFfnBackwardIsTheDerivativeOfForward([Values] FfnNorm norm, [Values] bool affine)
    {
        GatedFfnShape shape = new(3, 4, 5, norm) { Epsilon = 0.1f };
        GatedFfnData<float> data = GatedFfnData<float>.Of(shape, affine);
        double Loss() => WeightedSum(GatedFfnRun.Forward(Reference, data), data.OutputGradient);

        GatedFfnData<float> gradient = GatedFfnRun.Backward(Context, data);

        foreach ((string name, float[] variable, float[] its) in data.With(gradient))
        {
            AssertGradient(name, variable, its, Loss);
        }
    }
}

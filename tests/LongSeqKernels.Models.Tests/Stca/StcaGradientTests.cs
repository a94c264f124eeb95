using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>
/// Gradients of the whole model's loss against central differences over the fp64 reference, in every group of parameters. Storage is fp32, which leaves noise of some
/// 1e-7 in the loss: steps are long (a change of the loss of about 5e-4 along the gradient) and the difference formula is of fourth order.
/// </summary>
public sealed class StcaGradientTests
{
    private const double Tolerance = 2e-3;

    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Reference);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Switches))]
    public void EveryParameterGroupMatchesFiniteDifferences(StcaConfig config) => CheckAll(config, TrainingLoss.BinaryCrossEntropy);

    [Test]
    public void SampledSoftmaxMatchesFiniteDifferences() =>
        CheckAll(StcaCases.Default with { Attention = AttentionForm.Absorbed }, TrainingLoss.SampledSoftmax);

    private void CheckAll(StcaConfig config, TrainingLoss loss)
    {
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 3, [9, 0, 1, 14]);
        var pass = new StcaPass(_context, model, PassMode.Training);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        double Loss()
        {
            model.Parameters.MarkChanged();
            pass.Forward(batch, logits);
            return RequestLoss.Compute(loss, batch, logits, gradient);
        }
        // Rounding is relative to the size of the loss.
        double size = Math.Max(1, Loss());
        pass.Backward(gradient);
        List<(string Name, float[] Gradient)> groups = StcaCases.Gradients(model);
        var random = new RandomStream(99);
        int group = 0;
        using (Assert.EnterMultipleScope())
        {
            foreach ((string name, float[] analytic) in groups)
            {
                int index = group++;
                Span<float> Values() => index < model.Parameters.Parameters.Count
                    ? model.Parameters.Parameters[index].Values
                    : model.Parameters.Tables[index - model.Parameters.Parameters.Count].Values;
                double norm = Math.Sqrt(analytic.Sum(x => (double)x * x));
                // A softmax does not see what is added to all logits.
                bool invariant = loss == TrainingLoss.SampledSoftmax && name == "scorer.1.bias";
                Assert.That(norm, invariant ? Is.LessThan(1e-6) : Is.GreaterThan(1e-6), $"size of the gradient of {name}");
                double[] along = [.. analytic.Select(x => x / norm)];
                double[] across = [.. along.Select(_ => random.NextNormal())];
                double length = Math.Sqrt(across.Sum(x => x * x));
                across = [.. across.Select(x => x / length)];
                Check(name + " along the gradient", along, norm);
                Check(name + " in a random direction", across, norm);

                void Check(string what, double[] direction, double gradientNorm)
                {
                    double step = Math.Min(5e-4 * size / gradientNorm, 0.003);
                    double expected = 0;
                    for (int i = 0; i < direction.Length; i++)
                    {
                        expected += direction[i] * analytic[i];
                    }
                    double difference = Difference(Values(), Loss, direction, step);
                    Assert.That(difference, Is.EqualTo(expected).Within((Tolerance * gradientNorm) + (1e-7 * size / step)), what);
                }
            }
        }
    }

    private static double Difference(Span<float> values, Func<double> loss, double[] direction, double step)
    {
        float[] original = values.ToArray();
        var at = new double[4];
        double[] steps = [-2, -1, 1, 2];
        for (int k = 0; k < 4; k++)
        {
            for (int i = 0; i < original.Length; i++)
            {
                values[i] = (float)(original[i] + (steps[k] * step * direction[i]));
            }
            at[k] = loss();
        }
        original.CopyTo(values);
        return ((at[0] - at[3]) + (8 * (at[2] - at[1]))) / (12 * step);
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>
/// Gradients of a whole model's loss against central differences over the fp64 reference, in every group of parameters. Storage is fp32, which leaves noise of some
/// 1e-7 in the loss: steps are long (a change of the loss of about 5e-4 along the gradient) and the difference formula is of fourth order.
/// </summary>
internal static class ModelGradients
{
    private const double Tolerance = 2e-3;

    /// <summary>Asserts that the gradients in <paramref name="parameters"/> are those of a loss.</summary>
    /// <param name="parameters">Their values are changed while <paramref name="loss"/> runs, and restored.</param>
    /// <param name="loss">A function of the parameters.</param>
    /// <param name="backward">Leaves the gradients of the last run of <paramref name="loss"/>.</param>
    /// <param name="isInvariant">Whether the loss does not depend on a parameter at all.</param>
    public static void Check(ParameterSet parameters, Func<double> loss, Action backward, Func<string, bool> isInvariant)
    {
        double Loss()
        {
            parameters.MarkChanged();
            return loss();
        }
        // Rounding is relative to the size of the loss.
        double size = Math.Max(1, Loss());
        backward();
        List<(string Name, float[] Gradient)> groups = StcaCases.Gradients(parameters);
        var random = new RandomStream(99);
        int group = 0;
        using (Assert.EnterMultipleScope())
        {
            foreach ((string name, float[] analytic) in groups)
            {
                int index = group++;
                Span<float> Values() =>
                    index < parameters.Parameters.Count ? parameters.Parameters[index].Values : parameters.Tables[index - parameters.Parameters.Count].Values;
                double norm = Math.Sqrt(analytic.Sum(x => (double)x * x));
                Assert.That(norm, isInvariant(name) ? Is.LessThan(1e-6) : Is.GreaterThan(1e-6), $"size of the gradient of {name}");
                double[] along = [.. analytic.Select(x => x / norm)];
                double[] across = [.. along.Select(_ => random.NextNormal())];
                double length = Math.Sqrt(across.Sum(x => x * x));
                across = [.. across.Select(x => x / length)];
                CheckAlong(name + " along the gradient", along);
                CheckAlong(name + " in a random direction", across);

                void CheckAlong(string what, double[] direction)
                {
                    double expected = 0;
                    for (int i = 0; i < direction.Length; i++)
                    {
                        expected += direction[i] * analytic[i];
                    }
                    // Where a model bends within a step, a shorter one is right; where the gradient is small, it drowns in rounding.
                    double step = Math.Min(5e-4 * size / norm, 0.003);
                    double difference = Difference(Values(), Loss, direction, step);
                    if (Math.Abs(difference - expected) > Allowed(step))
                    {
                        step /= 5;
                        difference = Difference(Values(), Loss, direction, step);
                    }
                    Assert.That(difference, Is.EqualTo(expected).Within(Allowed(step)), what);
                    double Allowed(double step) => (Tolerance * norm) + (1e-7 * size / step);
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

using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// Gradients by central differences on five points. Inputs and outputs are stored as fp32, so the step is large and the formula of fourth
/// order: rounding (6e-8 / step) and truncation (step^4 / 30 times the fifth derivative) both stay near 1e-5.
/// </summary>
internal static class FiniteDifferences
{
    private const float Step = 1f / 32;
    private const double AllowedError = 2e-4;

    /// <summary>Asserts that <paramref name="gradient"/> is the gradient of <paramref name="loss"/> with respect to <paramref name="variable"/>.</summary>
    /// <param name="name">Of the variable.</param>
    /// <param name="variable">Changed in place while <paramref name="loss"/> is evaluated, and restored.</param>
    /// <param name="gradient">The gradient to check.</param>
    /// <param name="loss">A function of the variable.</param>
    public static void AssertGradient(string name, float[] variable, float[] gradient, Func<double> loss)
    {
        Assert.That(gradient, Has.Length.EqualTo(variable.Length), name);
        double largest = gradient.Select(Math.Abs).DefaultIfEmpty().Max();
        for (int i = 0; i < variable.Length; i++)
        {
            float original = variable[i];
            double At(int steps)
            {
                variable[i] = original + (steps * Step);
                double value = loss();
                variable[i] = original;
                return value;
            }
            double numeric = ((8 * (At(1) - At(-1))) - (At(2) - At(-2))) / (12 * Step);
            Assert.That(gradient[i], Is.EqualTo(numeric).Within(AllowedError * (1 + largest)), $"{name}[{i}]");
        }
    }

    /// <summary>The loss whose gradient with respect to <paramref name="outputs"/> is <paramref name="weights"/>.</summary>
    public static double WeightedSum(ReadOnlySpan<float> outputs, ReadOnlySpan<float> weights)
    {
        double sum = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            sum += (double)outputs[i] * weights[i];
        }
        return sum;
    }
}

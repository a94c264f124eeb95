using LongSeqKernels.Portable;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

public sealed class BodyMathTests
{
    [Test]
    public void TanhIsExactToItsDocumentedError()
    {
        for (double x = 1e-6; x < 40; x *= 1.001)
        {
            foreach (float argument in new[] { (float)x, -(float)x })
            {
                double exact = Math.Tanh(argument);
                Assert.That(Math.Abs(BodyMath.Tanh(argument) - exact), Is.LessThan(3e-7 * Math.Abs(exact)), $"tanh({argument:R})");
            }
        }
    }

    [TestCase(0f, 0f)]
    [TestCase(float.PositiveInfinity, 1f)]
    [TestCase(float.NegativeInfinity, -1f)]
    [TestCase(1e30f, 1f)]
    [TestCase(-1e30f, -1f)]
    public void TanhHasItsLimits(float x, float expected) => Assert.That(BodyMath.Tanh(x), Is.EqualTo(expected));
}

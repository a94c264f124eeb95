using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

internal static class ModelCompare
{
    /// <summary>Largest difference relative to the largest value of the tensor.</summary>
    public static void ForAll(List<(string Name, float[] Values)> actual, List<(string Name, float[] Values)> expected, double tolerance)
    {
        double size = expected.Max(group => group.Values.Max(MathF.Abs));
        using (Assert.EnterMultipleScope())
        {
            foreach (((string name, float[] values), (_, float[] others)) in actual.Zip(expected))
            {
                Assert.That(values, Is.EqualTo(others).Within(tolerance * size), name);
            }
        }
    }
}

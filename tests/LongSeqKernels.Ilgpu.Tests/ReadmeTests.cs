using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The example of the package's README.</summary>
public sealed class ReadmeTests
{
    [Test]
    public void TheExampleNormalisesItsRows()
    {
        // <example>
        // Auto takes the native library where it has a GPU, else ILGPU where that has one, else the CPU. Backend.Ilgpu instead of Auto: ILGPU on a GPU, or an exception.
        using LongSeqContext context = LongSeqContext.Create(Backend.Auto, new LongSeqContextOptions { Providers = [IlgpuBackend.Provider] });
        Console.WriteLine(context.Explain());

        float[] rows = [1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f];
        var normalised = new float[rows.Length];
        LayerNorm.Forward<float>(context, rows: 2, width: 4, LayerNorm.DefaultEpsilon, rows, [], [], normalised);
        Console.WriteLine(string.Join(' ', normalised));
        // </example>

        float[] row = [-1.3416f, -0.4472f, 0.4472f, 1.3416f];
        Assert.That(normalised, Is.EqualTo([.. row, .. row]).Within(1e-3f));
    }
}

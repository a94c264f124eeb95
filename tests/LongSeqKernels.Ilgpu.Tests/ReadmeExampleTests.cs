using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The example of the package's README.</summary>
public sealed class ReadmeExampleTests
{
    [Test]
    public void AutoMayTakeIlgpu()
    {
        // <example>
        // Auto takes the native library where it has a GPU, else ILGPU where that has one, else the CPU. Backend.Ilgpu instead of Auto: ILGPU on a GPU, or an exception.
        var options = new LongSeqContextOptions { Providers = [IlgpuBackend.Provider] };
        using LongSeqContext context = LongSeqContext.Create(Backend.Auto, options);
        Console.WriteLine(context.Explain());

        float[] rows = [1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f];
        var normalised = new float[rows.Length];
        LayerNorm.Forward<float>(context, rows: 2, width: 4, LayerNorm.DefaultEpsilon, rows, [], [], normalised);
        // </example>

        Assert.That(context.Explain(), Does.Contain("Auto chose it"));
        Assert.That(normalised[0], Is.EqualTo(normalised[4]).Within(1e-5).And.EqualTo(-1.3416).Within(1e-3));
    }
}

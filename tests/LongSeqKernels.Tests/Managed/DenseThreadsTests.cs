using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Dense gradients are sums over rows; how they are cut must not depend on the number of threads.</summary>
[TestFixture]
internal sealed class DenseThreadsTests
{
    private const int Width = 40;
    private const int Hidden = 72;

    /// <summary>Several runs of rows of the gated FFN's backward, several splits of the linear layer's, and a rest.</summary>
    private const int Rows = 5003;

    [Test]
    public void GatedFfnGradientsHaveTheSameBitsOnAnyNumberOfThreads()
    {
        float[][] single = GatedFfnGradients(1);
        Assert.That(GatedFfnGradients(2), Is.EqualTo(single));
        Assert.That(GatedFfnGradients(5), Is.EqualTo(single));
    }

    [Test]
    public void LinearGradientsHaveTheSameBitsOnAnyNumberOfThreads()
    {
        float[][] single = LinearGradients(1);
        Assert.That(LinearGradients(2), Is.EqualTo(single));
        Assert.That(LinearGradients(5), Is.EqualTo(single));
    }

    [Test]
    public void ScratchOfTheGatedFfnBackwardDoesNotGrowWithTheRows()
    {
        using var kernels = new ManagedKernels(2);
        using var context = LongSeqContext.Create(kernels, Backend.Managed);
        GatedFfnGradients(context, Rows);
        long peak = kernels.Scratch.PeakBytes;
        GatedFfnGradients(context, 4 * Rows);
        Assert.That(kernels.Scratch.PeakBytes, Is.EqualTo(peak));
    }

    private static float[][] GatedFfnGradients(int threads)
    {
        using var context = LongSeqContext.Create(Backend.Managed, new() { Threads = threads });
        return GatedFfnGradients(context, Rows);
    }

    private static float[][] GatedFfnGradients(LongSeqContext context, int rows)
    {
        float[][] gradients = [new float[rows * Width], new float[Width * Hidden], new float[Width * Hidden], new float[Hidden * Width], new float[Hidden], new float[Width]];
        GatedFfn.Backward<float>(
            context,
            new GatedFfnShape(rows, Width, Hidden),
            Samples.Normal(1, rows * Width),
            new() { Up = Samples.Normal(2, Width * Hidden), Gate = Samples.Normal(3, Width * Hidden), Down = Samples.Normal(4, Hidden * Width) },
            Samples.Normal(5, rows * Width),
            gradients[0],
            new() { Up = gradients[1], Gate = gradients[2], Down = gradients[3], UpBias = gradients[4], NormGain = gradients[5] });
        return gradients;
    }

    private static float[][] LinearGradients(int threads)
    {
        using var context = LongSeqContext.Create(Backend.Managed, new() { Threads = threads });
        float[][] gradients = [new float[Rows * Width], new float[Width * Hidden], new float[Hidden]];
        Linear.Backward<float>(
            context,
            new LinearShape(Rows, Width, Hidden),
            Samples.Normal(1, Rows * Width),
            Samples.Normal(2, Width * Hidden),
            Samples.Normal(3, Rows * Hidden),
            gradients[0],
            gradients[1],
            gradients[2]);
        return gradients;
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>Kernels/README.md: operations over a backend that is passed in.</summary>
[TestFixture]
public sealed class BackendSnippets
{
    [Test]
    public void AnyBackendMakesAContext()
    {
        IKernels kernels = LongSeqContext.Create(Backend.Portable).Kernels;
        JaggedLayout segments = JaggedLayout.FromLengths(2, 0, 1);
        float[] rows = [1, 2, 3, 4, 5, 6];
        var sums = new float[6];

        // <example>
        using LongSeqContext context = LongSeqContext.Create(kernels, Backend.Portable);        // kernels: your IKernels
        Console.WriteLine(context.Explain());
        SegmentReduce.Forward<float>(context, SegmentReduction.Sum, segments, width: 2, rows, sums);
        // </example>

        Assert.That(context.Explain(), Does.Contain("was passed in"));
        Assert.That(sums, Is.EqualTo(new float[] { 4, 6, 0, 0, 5, 6 }));
    }
}

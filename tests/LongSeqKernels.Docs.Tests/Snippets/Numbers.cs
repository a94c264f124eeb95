namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>What the plain sums need that the documents' code is checked with.</summary>
internal static class Numbers
{
    public static double Silu(double x) => x / (1 + Math.Exp(-x));

    /// <summary>Row <paramref name="row"/> of a tensor whose rows have <paramref name="width"/> elements.</summary>
    public static ReadOnlySpan<float> Row(float[] tensor, long row, int width) => tensor.AsSpan((int)row * width, width);
}

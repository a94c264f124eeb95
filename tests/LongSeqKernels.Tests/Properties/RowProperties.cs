using FsCheck.Fluent;
using NUnit.Framework;
using static LongSeqKernels.Tests.RandomShapes;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

/// <summary>Operations on rows, on random shapes: every backend gives what the reference gives.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class RowProperties(string backend)
{
    private const double AllowedError = 1e-5;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static LongSeqContext Reference => BackendRegistry.Reference;

    [Test]
    public void GatedFfnMatchesTheReference() => ForAll(
        from rows in Length
        from width in Width
        from hidden in Width
        from affine in Gen.Elements(true, false)
        select (Shape: new GatedFfnShape((int)rows, width, hidden), Affine: affine),
        c =>
        {
            // A norm over one or two columns amplifies any rounding without limit.
            GatedFfnShape shape = c.Shape with { Norm = c.Shape.Width < 4 ? FfnNorm.None : FfnNorm.LayerNorm };
            GatedFfnData<float> data = GatedFfnData<float>.Of(shape, c.Affine);

            AssertClose("output", GatedFfnRun.Forward(Context, data), GatedFfnRun.Forward(Reference, data), 10 * AllowedError);
        });

    [Test]
    public void LinearMatchesTheReference() => ForAll(
        from rows in Length
        from input in Width
        from output in Width
        select new LinearShape((int)rows, input, output),
        shape =>
        {
            LinearData<float> data = LinearData<float>.Of(shape);
            LinearGradients<float> reference = LinearRun.Backward(Reference, data, OutputMode.Add);

            LinearGradients<float> actual = LinearRun.Backward(Context, data, OutputMode.Add);

            AssertClose(
                "output",
                LinearRun.Forward(Context, data, data.Bias, OutputMode.Add),
                LinearRun.Forward(Reference, data, data.Bias, OutputMode.Add),
                AllowedError);
            AssertClose("inputGradient", actual.Input, reference.Input, AllowedError);
            AssertClose("weightGradient", actual.Weight, reference.Weight, 10 * AllowedError);
            AssertClose("biasGradient", actual.Bias, reference.Bias, 10 * AllowedError);
        });

    [Test]
    public void SegmentsReduceAsInTheReference() => ForAll(
        from lengths in Partition
        from width in Width
        from reduction in Gen.Elements(SegmentReduction.Sum, SegmentReduction.Mean, SegmentReduction.Max)
        select (Segments: JaggedLayout.FromLengths(lengths), Width: width, Reduction: reduction),
        c =>
        {
            float[] input = Normal(1, c.Segments.Total * c.Width);
            float[] Reduce(LongSeqContext context)
            {
                var output = new float[c.Segments.Count * c.Width];
                SegmentReduce.Forward<float>(context, c.Reduction, c.Segments, c.Width, input, output);
                return output;
            }

            AssertClose("output", Reduce(Context), Reduce(Reference), 10 * AllowedError);
        });
}

using NUnit.Framework;

namespace LongSeqKernels.Tests;

public sealed class JaggedTensorTests
{
    private static readonly JaggedLayout Layout = JaggedLayout.FromLengths(2, 0, 1);

    [Test]
    public void SegmentsAreViewsOfTheCallersMemory()
    {
        float[] memory = [.. Enumerable.Range(0, 18).Select(i => (float)i)];
        JaggedTensor<float> tensor = new(memory, Layout, 2, 3);

        tensor.Segment(2)[0] = 100;

        Assert.That(memory[12], Is.EqualTo(100));
        Assert.That(tensor.RowLength, Is.EqualTo(6));
        Assert.That(tensor.Segment(0).ToArray(), Is.EqualTo(memory[..12]));
        Assert.That(tensor.Segment(1).IsEmpty, Is.True);
    }

    [Test]
    public void SegmentTensorsHaveTheRowsShape()
    {
        float[] memory = [.. Enumerable.Range(0, 18).Select(i => (float)i)];
        JaggedTensor<float> tensor = new(memory, Layout, 2, 3);

        Assert.That(tensor.SegmentTensor(0).Lengths.ToArray(), Is.EqualTo(new nint[] { 2, 2, 3 }));
        Assert.That(tensor.SegmentTensor(0)[1, 0, 2], Is.EqualTo(8));
        Assert.That(tensor.AsTensorSpan().Lengths.ToArray(), Is.EqualTo(new nint[] { 3, 2, 3 }));
        Assert.That(tensor.AsTensorSpan()[2, 1, 1], Is.EqualTo(16));
    }

    [Test]
    public void RowsMayBeScalars()
    {
        JaggedTensor<BFloat16> tensor = new(new BFloat16[3], Layout);

        Assert.That(tensor.RowLength, Is.EqualTo(1));
        Assert.That(tensor.Segment(0).Length, Is.EqualTo(2));
    }

    [Test]
    public void AWrongNumberOfValuesIsRefused() =>
        Assert.That(
            () => new JaggedTensor<float>(new float[17], Layout, 2, 3),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("values").And.Message.Contains("17").And.Message.Contains("18"));

    [TestCase(0)]
    [TestCase(-2)]
    [TestCase(int.MaxValue)]
    public void AnExtentOutOfRangeIsRefused(int extent) =>
        Assert.That(() => new JaggedTensor<float>(new float[18], Layout, 2, extent), Throws.InstanceOf<ArgumentException>().With.Message.Contains("rowShape[1]"));
}

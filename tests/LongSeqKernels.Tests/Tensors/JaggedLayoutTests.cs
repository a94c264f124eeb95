using NUnit.Framework;

namespace LongSeqKernels.Tests;

public sealed class JaggedLayoutTests
{
    [Test]
    public void OffsetsAndLengthsSayTheSame()
    {
        JaggedLayout layout = JaggedLayout.FromLengths(3, 0, 5);

        Assert.That(layout.Offsets.ToArray(), Is.EqualTo(new long[] { 0, 3, 3, 8 }));
        Assert.That(JaggedLayout.FromOffsets(layout.Offsets).Offsets.ToArray(), Is.EqualTo(layout.Offsets.ToArray()));
        Assert.That((layout.Count, layout.Total, layout.MaxLength), Is.EqualTo((3, 8L, 5L)));
        Assert.That((layout.Start(2), layout.Length(1), layout.Length(2)), Is.EqualTo((3L, 0L, 5L)));
    }

    [Test]
    public void ABatchMayBeEmpty()
    {
        JaggedLayout layout = JaggedLayout.FromLengths();

        Assert.That((layout.Count, layout.Total, layout.MaxLength), Is.EqualTo((0, 0L, 0L)));
        Assert.That(JaggedLayout.FromOffsets([0]).Count, Is.Zero);
        Assert.That(JaggedLayout.Uniform(0, 7).Total, Is.Zero);
    }

    [Test]
    public void UniformSegmentsHaveOneLength() =>
        Assert.That(JaggedLayout.Uniform(3, 4).Offsets.ToArray(), Is.EqualTo(new long[] { 0, 4, 8, 12 }));

    [Test]
    public void OffsetsAreCopied()
    {
        long[] offsets = [0, 2, 4];
        JaggedLayout layout = JaggedLayout.FromOffsets(offsets);

        offsets[1] = 3;

        Assert.That(layout.Start(1), Is.EqualTo(2));
    }

    [Test]
    public void RowsMayBeMoreThanAnIntCounts() =>
        Assert.That(JaggedLayout.FromLengths(3_000_000_000, 3_000_000_000).Total, Is.EqualTo(6_000_000_000));

    [TestCase(new long[0], "offsets", "empty")]
    [TestCase(new long[] { 1, 2 }, "offsets[0]", "is 1")]
    [TestCase(new long[] { 0, 5, 4 }, "offsets[2]", "is 4")]
    [TestCase(new long[] { 0, -1 }, "offsets[1]", "is -1")]
    public void BadOffsetsAreRefused(long[] offsets, string argument, string was) =>
        Assert.That(
            () => JaggedLayout.FromOffsets(offsets),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains(argument).And.Message.Contains(was).And.Message.Contains("must be"));

    [TestCase(new long[] { 3, -1 }, "lengths[1]")]
    [TestCase(new[] { JaggedLayout.MaxTotal, 1 }, "lengths[1]")]
    public void BadLengthsAreRefused(long[] lengths, string argument) =>
        Assert.That(() => JaggedLayout.FromLengths(lengths), Throws.InstanceOf<ArgumentException>().With.Message.Contains(argument).And.Message.Contains("must be"));

    [Test]
    public void BadUniformExtentsAreRefused()
    {
        Assert.That(() => JaggedLayout.Uniform(-1, 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => JaggedLayout.Uniform(2, -1), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => JaggedLayout.Uniform(3, long.MaxValue), Throws.InstanceOf<ArgumentException>());
    }
}

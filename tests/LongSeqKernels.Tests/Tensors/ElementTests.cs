using NUnit.Framework;

namespace LongSeqKernels.Tests;

public sealed class ElementTests
{
    [Test]
    public void StorageTypesAreKnownByName()
    {
        Assert.That(Element<float>.Type, Is.EqualTo(ElementType.Float32));
        Assert.That(Element<BFloat16>.Type, Is.EqualTo(ElementType.BFloat16));
        Assert.That(Element<Half>.Type, Is.EqualTo(ElementType.Float16));
    }

    [Test]
    public void EveryHalfSurvivesTheRoundTrip()
    {
        for (int bits = 0; bits < 65_536; bits++)
        {
            var half = BitConverter.UInt16BitsToHalf((ushort)bits);
            Half back = Element<Half>.FromSingle(Element<Half>.ToSingle(half));
            Assert.That(back, Is.EqualTo(half));
        }
    }

    [Test]
    public void SinglesAreKeptAsTheyAre([Values(0f, -0f, 1.1f, float.MaxValue, float.Epsilon, float.NegativeInfinity, float.NaN)] float value) =>
        Assert.That(
            BitConverter.SingleToUInt32Bits(Element<float>.FromSingle(Element<float>.ToSingle(value))),
            Is.EqualTo(BitConverter.SingleToUInt32Bits(value)));

    [Test]
    public void OtherTypesAreRefusedByName()
    {
        Assert.That(() => Element<double>.Type, Throws.TypeOf<NotSupportedException>().With.Message.Contains("Double").And.Message.Contains("BFloat16"));
        Assert.That(() => Element<int>.ToSingle(1), Throws.TypeOf<NotSupportedException>());
        Assert.That(() => Element<long>.FromSingle(1), Throws.TypeOf<NotSupportedException>());
    }
}

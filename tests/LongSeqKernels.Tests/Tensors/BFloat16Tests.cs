using NUnit.Framework;

namespace LongSeqKernels.Tests;

public sealed class BFloat16Tests
{
    private static IEnumerable<ushort> AllBits => Enumerable.Range(0, 65_536).Select(bits => (ushort)bits);

    [Test]
    public void EveryValueIsTheUpperHalfOfItsSingle()
    {
        foreach (ushort bits in AllBits)
        {
            float value = BFloat16.FromBits(bits).ToSingle();
            Assert.That(BitConverter.SingleToUInt32Bits(value), Is.EqualTo((uint)bits << 16));
        }
    }

    [Test]
    public void EveryValueSurvivesTheRoundTrip()
    {
        foreach (ushort bits in AllBits)
        {
            BFloat16 value = BFloat16.FromBits(bits);
            ushort expected = BFloat16.IsNaN(value) ? (ushort)(bits | 0x0040) : bits; // NaNs become quiet
            Assert.That(BFloat16.FromSingle(value.ToSingle()).ToBits(), Is.EqualTo(expected));
        }
    }

    [Test]
    public void MidpointsRoundToEvenAndTheirNeighboursToTheNearest()
    {
        // For each finite value, the numbers around the midpoint to the next larger magnitude; beyond the largest lies infinity.
        foreach (ushort bits in AllBits.Where(b => (b & 0x7FFF) < 0x7F80))
        {
            ushort next = (ushort)(bits + 1);
            uint midpoint = ((uint)bits << 16) + 0x8000;
            ushort even = (bits & 1) == 0 ? bits : next;
            Assert.That(Rounded(midpoint), Is.EqualTo(even));
            Assert.That(Rounded(midpoint - 1), Is.EqualTo(bits));
            Assert.That(Rounded(midpoint + 1), Is.EqualTo(next));
            Assert.That(Rounded(((uint)bits << 16) + 1), Is.EqualTo(bits));
            Assert.That(Rounded(((uint)next << 16) - 1), Is.EqualTo(next));
        }
    }

    [Test]
    public void EveryNaNStaysNaNWithItsSign()
    {
        foreach (uint bits in new[] { 0x7F80_0001u, 0x7F80_FFFFu, 0x7FFF_FFFFu, 0x7FC0_0000u, 0xFF80_0001u, 0xFFFF_FFFFu })
        {
            BFloat16 rounded = BFloat16.FromSingle(BitConverter.UInt32BitsToSingle(bits));
            Assert.That(BFloat16.IsNaN(rounded), Is.True);
            Assert.That(rounded.ToBits() >> 15, Is.EqualTo(bits >> 31));
        }
    }

    [Test]
    public void LargeSinglesBecomeInfinity()
    {
        Assert.That(BFloat16.FromSingle(float.MaxValue), Is.EqualTo(BFloat16.PositiveInfinity));
        Assert.That(BFloat16.FromSingle(float.MinValue), Is.EqualTo(BFloat16.NegativeInfinity));
        Assert.That(BFloat16.FromSingle(float.PositiveInfinity), Is.EqualTo(BFloat16.PositiveInfinity));
        Assert.That(BFloat16.FromSingle(BFloat16.MaxValue.ToSingle()), Is.EqualTo(BFloat16.MaxValue));
    }

    [Test]
    public void ComparisonsFollowIeee()
    {
        BFloat16 one = (BFloat16)1f;
        BFloat16 two = (BFloat16)2f;
        Assert.That(one < two && one <= two && two > one && two >= one && one != two, Is.True);
        Assert.That(BFloat16.FromBits(0) == BFloat16.FromBits(0x8000), Is.True, "the zeros are equal");
#pragma warning disable CS1718 // Comparison made to same variable: that NaN differs from itself is the point
        Assert.That(BFloat16.NaN == BFloat16.NaN, Is.False);
#pragma warning restore CS1718
        Assert.That(BFloat16.NaN.Equals(BFloat16.NaN), Is.True, "Equals is an equivalence, as for float");
        Assert.That(one.CompareTo(two), Is.Negative);
        Assert.That(one.GetHashCode(), Is.EqualTo(((BFloat16)1f).GetHashCode()));
    }

    [Test]
    public void TextIsThatOfTheSingle()
    {
        BFloat16 value = (BFloat16)1.5f;
        Assert.That(value.ToString(), Is.EqualTo("1.5"));
        Assert.That($"{value:F3}", Is.EqualTo("1.500"));
    }

    [Test]
    public void EpsilonIsTheStepAtOne() =>
        Assert.That(BFloat16.FromBits((ushort)(((BFloat16)1f).ToBits() + 1)).ToSingle() - 1, Is.EqualTo(BFloat16.MachineEpsilon.ToSingle()));

    private static ushort Rounded(uint single) => BFloat16.FromSingle(BitConverter.UInt32BitsToSingle(single)).ToBits();
}

using LongSeqKernels.Portable;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The conversions of kernel bodies are those of .NET, bit for bit but for the payload of NaNs.</summary>
public sealed class StorageBitsTests
{
    [Test]
    public void EveryHalfWidensExactly()
    {
        for (int bits = 0; bits <= 0xFFFF; bits++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float actual = StorageBits.FromFloat16(bits);
            Assert.That(
                float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(actual) == BitConverter.SingleToInt32Bits(expected),
                $"0x{bits:X4}: {actual}, not {expected}");
        }
    }

    [Test]
    public void NumbersRoundToTheNearestHalfTiesToEven()
    {
        for (int bits = 0; bits <= 0x7C00; bits++)
        {
            // A half, its neighbour's midpoint, and the floats around both. Beyond the last finite one .NET sees the midpoint to 2^16.
            float value = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float next = bits >= 0x7BFF ? 65536f : (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1));
            float middle = bits == 0x7C00 ? 1e9f : (value + next) / 2;
            foreach (float centre in new[] { value, middle })
            {
                foreach (float number in new[] { MathF.BitDecrement(centre), centre, MathF.BitIncrement(centre) })
                {
                    AssertRoundsAsDotnet(number);
                    AssertRoundsAsDotnet(-number);
                }
            }
        }
    }

    [Test]
    public void NumbersOfAllMagnitudesRoundToTheNearestHalf()
    {
        var random = new Random(1);
        for (int i = 0; i < 200_000; i++)
        {
            AssertRoundsAsDotnet(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)));
        }
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    [TestCase(0f)]
    [TestCase(-0f)]
    public void NumbersWithoutANeighbourKeepWhatTheyAre(float number) => AssertRoundsAsDotnet(number);

    private static void AssertRoundsAsDotnet(float number)
    {
        int bits = StorageBits.ToFloat16(number);
        Half expected = (Half)number;
        if (Half.IsNaN(expected) ? !Half.IsNaN(BitConverter.UInt16BitsToHalf((ushort)bits)) : bits != BitConverter.HalfToUInt16Bits(expected))
        {
            Assert.Fail($"{number:R} became 0x{bits:X4}, not {expected}");
        }
    }
}

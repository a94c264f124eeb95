using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class SummaryCodecParity(string backend)
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static LongSeqContext Reference => BackendRegistry.Reference;

    [Test]
    public void EveryBackendWritesAndReadsTheSameBits(
        [Values] SummaryEncoding encoding, [Values(1, 2, 7, 8, 15, 16, 31, 33, 64, 127, 256)] int width, [Values(0, 1, 3, 65)] int rows)
    {
        float[] input = Normal(1, (long)rows * width, 3);
        (byte[] referenceCodes, float[] referenceScales) = Encode(Reference, encoding, width, input);

        (byte[] codes, float[] scales) = Encode(Context, encoding, width, input);

        AssertSameBits(codes, referenceCodes, "codes");
        AssertSameBits(scales, referenceScales, "scales");
        AssertSameBits(Decode(Context, encoding, width, codes, scales), Decode(Reference, encoding, width, codes, scales), "output");
    }

    [Test]
    public void DecodedRowsAreWithinHalfAStep([Values(SummaryEncoding.Int8, SummaryEncoding.Int4)] SummaryEncoding encoding)
    {
        const int Width = 100;
        float[] input = Normal(1, 50 * Width, 3);

        (byte[] codes, float[] scales) = Encode(Context, encoding, Width, input);
        float[] decoded = Decode(Context, encoding, Width, codes, scales);

        for (int i = 0; i < input.Length; i++)
        {
            Assert.That(decoded[i], Is.EqualTo(input[i]).Within(0.5001 * scales[i / Width]));
        }
    }

    [Test]
    public void EveryFiniteHalfSurvives()
    {
        float[] halves =
            [.. Enumerable.Range(0, 65536).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).Where(Half.IsFinite).Select(h => (float)h)];

        (byte[] codes, float[] scales) = Encode(Context, SummaryEncoding.Float16, halves.Length / 2, halves);

        AssertSameBits(Decode(Context, SummaryEncoding.Float16, halves.Length / 2, codes, scales), halves, "output");
        Assert.That(scales, Is.All.EqualTo(1));
    }

    [Test]
    public void EveryCodeSurvives()
    {
        float[] int8 = [.. Enumerable.Range(-127, 255).Select(code => code * 0.25f)];
        float[] int4 = [.. Enumerable.Range(-7, 15).Select(code => code * 0.25f)];

        (byte[] codes, float[] scales) = Encode(Context, SummaryEncoding.Int8, int8.Length, int8);
        AssertSameBits(Decode(Context, SummaryEncoding.Int8, int8.Length, codes, scales), int8, "int8");
        (codes, scales) = Encode(Context, SummaryEncoding.Int4, int4.Length, int4);
        AssertSameBits(Decode(Context, SummaryEncoding.Int4, int4.Length, codes, scales), int4, "int4");
    }

    [Test]
    public void CodesAreRoundedToTheNearestTiesToEven()
    {
        float[] row = [127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, -126.5f, 0.49f, -0.51f];

        (byte[] codes, float[] scales) = Encode(Context, SummaryEncoding.Int8, row.Length, row);

        Assert.That(codes.Select(code => (sbyte)code), Is.EqualTo(new sbyte[] { 127, 0, 2, 2, 0, -2, -2, 126, -126, 0, -1 }));
        Assert.That(scales, Is.EqualTo(new[] { 1f }));
    }

    [Test]
    public void TheEvenElementIsInTheLowHalf()
    {
        (byte[] codes, _) = Encode(Context, SummaryEncoding.Int4, 3, [7, -7, 1]);

        Assert.That(codes, Is.EqualTo(new byte[] { 0x97, 0x01 }));
    }

    [Test]
    public void AZeroRowHasScaleZero([Values(SummaryEncoding.Int8, SummaryEncoding.Int4)] SummaryEncoding encoding)
    {
        (byte[] codes, float[] scales) = Encode(Context, encoding, 5, [0, -0f, 0, 0, 0, 1, 2, 3, 4, 5]);

        Assert.That(scales[0], Is.Zero);
        Assert.That(Decode(Context, encoding, 5, codes, scales)[..5], Is.All.Zero);
    }

    [Test]
    public void TheSmallestAndTheLargestNumbersKeepTheirMagnitude(
        [Values(SummaryEncoding.Int8, SummaryEncoding.Int4)] SummaryEncoding encoding, [Values(1e38f, 1e-38f, 1e-44f, float.Epsilon)] float largest)
    {
        float[] row = [largest, -largest, 0, largest];

        (byte[] codes, float[] scales) = Encode(Context, encoding, row.Length, row);
        float[] decoded = Decode(Context, encoding, row.Length, codes, scales);

        AssertFinite("output", decoded);
        Assert.That(decoded.Select(Math.Abs), Is.All.LessThanOrEqualTo(largest * 1.0001));
        AssertSameBits(codes, Encode(Reference, encoding, row.Length, row).Codes, "codes");
    }

    private static (byte[] Codes, float[] Scales) Encode(LongSeqContext context, SummaryEncoding encoding, int width, float[] input)
    {
        int rows = input.Length / width;
        GuardedBuffer<byte> codes = GuardedBuffer<byte>.Output(rows * SummaryCodec.RowBytes(encoding, width));
        GuardedBuffer<float> scales = GuardedBuffer<float>.Output(rows);
        SummaryCodec.Encode(context, encoding, width, GuardedBuffer<float>.Of(input).Span, codes.Span, scales.Span);
        codes.AssertGuardIntact("codes");
        scales.AssertGuardIntact("scales");
        return (codes.ToArray(), scales.ToArray());
    }

    private static float[] Decode(LongSeqContext context, SummaryEncoding encoding, int width, byte[] codes, float[] scales)
    {
        GuardedBuffer<float> output = GuardedBuffer<float>.Output(scales.Length * width);
        SummaryCodec.Decode(context, encoding, width, GuardedBuffer<byte>.Of(codes).Span, GuardedBuffer<float>.Of(scales).Span, output.Span);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }
}

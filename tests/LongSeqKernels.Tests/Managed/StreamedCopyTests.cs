using System.Runtime.Intrinsics;
using NUnit.Framework;

namespace LongSeqKernels.Tests.Managed;

/// <summary>Copies past the caches, between any addresses.</summary>
public unsafe class StreamedCopyTests
{
    private const int Guard = 128;
    private const byte Untouched = 0xA5;

    [Test]
    public void BytesArriveAndNothingBesideThem(
        [Values(128, 256, 512)] int bits, [Values(0, 2, 16, 30, 62)] int from, [Values(0, 2, 16, 48, 62)] int to, [Values(0, 2, 62, 64, 66, 128, 190, 1000)] int bytes)
    {
        SimdLevel level = bits switch { 512 => SimdLevel.Vector512, 256 => SimdLevel.Vector256, _ => SimdLevel.Vector128 };
        if (!SimdLevels.IsSupported(level))
        {
            Assert.Ignore($"This machine has no {SimdLevels.Name(level)}.");
        }
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(4 * (Guard + 1024));
        byte* source = (byte*)buffer.Floats + from;
        var written = new Span<byte>((byte*)buffer.Floats + (2 * (Guard + 1024)), Guard + to + bytes + Guard);
        new Random(bytes).NextBytes(new Span<byte>(source, bytes));
        written.Fill(Untouched);
        fixed (byte* start = written)
        {
            Copy(bits, source, start + Guard + to, bytes);
        }
        Thread.MemoryBarrier();

        Assert.That(written.Slice(Guard + to, bytes).SequenceEqual(new Span<byte>(source, bytes)));
        Assert.That(written[..(Guard + to)].ContainsAnyExcept(Untouched), Is.False);
        Assert.That(written[(Guard + to + bytes)..].ContainsAnyExcept(Untouched), Is.False);
    }

    private static void Copy(int bits, byte* source, byte* destination, nint bytes)
    {
        switch (bits)
        {
            case 128:
                StreamedCopy<Simd128, Vector128<float>>.Copy(source, destination, bytes);
                break;
            case 256:
                StreamedCopy<Simd256, Vector256<float>>.Copy(source, destination, bytes);
                break;
            default:
                StreamedCopy<Simd512, Vector512<float>>.Copy(source, destination, bytes);
                break;
        }
    }
}

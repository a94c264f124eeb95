using System.Runtime.Intrinsics;
using NUnit.Framework;

namespace LongSeqKernels.Tests.Managed;

/// <summary>Four heads at a time and one after the other are one computation: a backward recomputes the scores of the one with the other.</summary>
public unsafe class ThinQuadTests
{
    private const int Heads = 4;
    private const int Width = 64;

    [Test]
    public void ScoresOfFourHeadsAreThoseOfEachHeadToTheLastBit([Values(1, 4, 15, 16, 17, 64, 100)] int keys, [Values(Heads * Width, 3 * Heads * Width)] int stride)
    {
        if (!Vector512.IsHardwareAccelerated)
        {
            Assert.Ignore($"{nameof(ThinQuadTests)} was NOT RUN: only CPUs with AVX-512 have this kernel.");
        }
        int row = (keys + 15) / 16 * 16;
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * ((Heads * Width) + (keys * stride) + (2 * Heads * row)));
        float* queries = buffer.Floats;
        float* history = queries + (Heads * Width);
        float* together = history + (keys * stride);
        float* apart = together + (Heads * row);
        var random = new Random(1);
        for (float* number = queries; number < together; number++)
        {
            *number = random.NextSingle() - 0.5f;
        }
        ThinQuadKernel<Simd512, Vector512<float>, float>.Scores(queries, history, stride, keys, together, row, history);
        for (int head = 0; head < Heads; head++)
        {
            float* key = history + (head * Width);
            ThinKernel<Simd512, Vector512<float>, float>.Scores(queries + (head * Width), key, stride, keys, Width, apart + (head * row), (byte*)key);
            var expected = new ReadOnlySpan<float>(apart + (head * row), keys);
            Assert.That(new ReadOnlySpan<float>(together + (head * row), keys).SequenceEqual(expected), Is.True, $"head {head}");
        }
    }
}

using System.Runtime.Intrinsics;
using NUnit.Framework;

namespace LongSeqKernels.Tests.Managed;

/// <summary>The register-tiled products at every remainder of their tiles: right, and nothing written beside the result.</summary>
[TestFixture(128)]
[TestFixture(256)]
[TestFixture(512)]
public unsafe class TileTests(int bits)
{
    private const int Guard = 16;
    private const float Untouched = -1234.5f;

    [Test]
    public void ColumnTileMultipliesAnyColumnsAndLanes(
        [Values(1, 3, 4, 6, 7, 8, 12, 15, 16, 17, 24, 31)] int columns, [Values(16, 32, 48, 64, 80, 96, 112, 144)] int lanes, [Values(1, 5, 96)] int depth)
    {
        IgnoreWithoutHardware();
        float[] a = Integers(depth * columns, 1);
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * ((depth * lanes) + lanes + (columns * (lanes + Guard))));
        float* p = buffer.Floats;
        float* factors = p + (depth * lanes);
        float* c = factors + lanes;
        Integers(depth * lanes, 2).CopyTo(new Span<float>(p, depth * lanes));
        Integers(lanes, 3).CopyTo(new Span<float>(factors, lanes));
        float[] old = Integers(columns * (lanes + Guard), 4);
        foreach (bool continued in new[] { false, true })
        {
            old.CopyTo(new Span<float>(c, old.Length));
            FillGuards(c, columns, lanes);
            fixed (float* start = a)
            {
                MultiplyColumns(columns, depth, lanes, start, p, c, continued ? factors : null);
            }
            for (int j = 0; j < columns; j++)
            {
                for (int lane = 0; lane < lanes; lane++)
                {
                    float expected = continued ? old[(j * (lanes + Guard)) + lane] * factors[lane] : 0;
                    for (int i = 0; i < depth; i++)
                    {
                        expected += a[(i * columns) + j] * p[(i * lanes) + lane];
                    }
                    AssertElement(c, lanes, j, lane, expected);
                }
            }
            AssertGuards(c, columns, lanes);
        }
    }

    [Test]
    public void RowTileMultipliesAnyRowsAndLanes(
        [Values(1, 3, 4, 5, 6, 7, 12, 15, 16, 17, 23)] int rows, [Values(16, 32, 48, 64, 80, 96, 112, 144)] int lanes, [Values] OutputMode mode)
    {
        IgnoreWithoutHardware();
        const int Depth = 37;
        float[] a = Integers(rows * Depth, 1);
        using var scratch = new ScratchPool();
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * ((Depth * lanes) + (rows * (lanes + Guard))));
        float* b = buffer.Floats;
        float* c = b + (Depth * lanes);
        Integers(Depth * lanes, 2).CopyTo(new Span<float>(b, Depth * lanes));
        float[] old = Integers(rows * (lanes + Guard), 4);
        old.CopyTo(new Span<float>(c, old.Length));
        FillGuards(c, rows, lanes);
        fixed (float* start = a)
        {
            MultiplyRows(rows, Depth, lanes, start, b, c, mode);
        }
        for (int i = 0; i < rows; i++)
        {
            for (int lane = 0; lane < lanes; lane++)
            {
                float expected = mode == OutputMode.Add ? old[(i * (lanes + Guard)) + lane] : 0;
                for (int x = 0; x < Depth; x++)
                {
                    expected += a[(i * Depth) + x] * b[(x * lanes) + lane];
                }
                AssertElement(c, lanes, i, lane, expected);
            }
        }
        AssertGuards(c, rows, lanes);
    }

    private void MultiplyColumns(int columns, int depth, int lanes, float* a, float* p, float* c, float* factors)
    {
        switch (bits)
        {
            case 512:
                ColumnTile<Simd512, Vector512<float>>.Multiply(columns, depth, lanes, a, columns, p, lanes, c, lanes + Guard, factors);
                break;
            case 256:
                ColumnTile<Simd256, Vector256<float>>.Multiply(columns, depth, lanes, a, columns, p, lanes, c, lanes + Guard, factors);
                break;
            default:
                ColumnTile<Simd128, Vector128<float>>.Multiply(columns, depth, lanes, a, columns, p, lanes, c, lanes + Guard, factors);
                break;
        }
    }

    private void MultiplyRows(int rows, int depth, int lanes, float* a, float* b, float* c, OutputMode mode)
    {
        switch (bits)
        {
            case 512:
                RowTile<Simd512, Vector512<float>>.Multiply(rows, depth, lanes, a, depth, b, lanes, c, lanes + Guard, mode);
                break;
            case 256:
                RowTile<Simd256, Vector256<float>>.Multiply(rows, depth, lanes, a, depth, b, lanes, c, lanes + Guard, mode);
                break;
            default:
                RowTile<Simd128, Vector128<float>>.Multiply(rows, depth, lanes, a, depth, b, lanes, c, lanes + Guard, mode);
                break;
        }
    }

    private void IgnoreWithoutHardware()
    {
        SimdLevel level = bits switch { 512 => SimdLevel.Vector512, 256 => SimdLevel.Vector256, _ => SimdLevel.Vector128 };
        if (!SimdLevels.IsSupported(level))
        {
            Assert.Ignore($"This machine has no {SimdLevels.Name(level)}.");
        }
    }

    /// <summary>Small whole numbers: products and sums are exact in any order.</summary>
    private static float[] Integers(int count, int seed)
    {
        var random = new Random(seed);
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
        {
            numbers[i] = random.Next(-3, 4);
        }
        return numbers;
    }

    private static void FillGuards(float* c, int rows, int lanes)
    {
        for (int row = 0; row < rows; row++)
        {
            new Span<float>(c + (row * (lanes + Guard)) + lanes, Guard).Fill(Untouched);
        }
    }

    private static void AssertElement(float* c, int lanes, int row, int lane, float expected)
    {
        float actual = c[(row * (lanes + Guard)) + lane];
        if (actual != expected)
        {
            Assert.Fail($"element [{row}, {lane}] is {actual}; it must be {expected}");
        }
    }

    private static void AssertGuards(float* c, int rows, int lanes)
    {
        for (int row = 0; row < rows; row++)
        {
            if (new ReadOnlySpan<float>(c + (row * (lanes + Guard)) + lanes, Guard).ContainsAnyExcept(Untouched))
            {
                Assert.Fail($"row {row} was written beyond its {lanes} lanes");
            }
        }
    }
}

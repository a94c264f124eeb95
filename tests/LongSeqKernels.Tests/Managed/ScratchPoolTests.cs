using NUnit.Framework;

namespace LongSeqKernels.Tests;

[TestFixture]
internal sealed unsafe class ScratchPoolTests
{
    [Test]
    public void BuffersAreAlignedAndLargeEnough([Values(0, 1, 4096, 4097, 1_000_003)] long bytes)
    {
        using var pool = new ScratchPool();
        using AlignedBuffer buffer = pool.Rent(bytes);
        Assert.That((nint)buffer.Bytes % ScratchPool.Alignment, Is.EqualTo((nint)0));
        Assert.That(buffer.Length, Is.GreaterThanOrEqualTo(bytes));
        new Span<byte>(buffer.Bytes, (int)buffer.Length).Fill(0xFF);
    }

    [Test]
    public void MemoryIsReusedAndFreed()
    {
        var pool = new ScratchPool();
        for (int run = 0; run < 10; run++)
        {
            using AlignedBuffer large = pool.Rent(100_000);
            using AlignedBuffer small = pool.Rent(5_000);
            Assert.That(large.Floats != small.Floats, Is.True);
        }
        Assert.That(pool.CurrentBytes, Is.EqualTo(102_400 + 8_192));
        Assert.That(pool.PeakBytes, Is.EqualTo(pool.CurrentBytes));
        pool.Dispose();
        Assert.That(pool.CurrentBytes, Is.Zero);
    }

    [Test]
    public void GrowingRequestsReplaceTheBlockTheyOutgrow()
    {
        using var pool = new ScratchPool();
        for (int pages = 1; pages <= 50; pages++)
        {
            pool.Rent(pages * 4096L).Dispose();
            Assert.That(pool.CurrentBytes, Is.EqualTo(pages * 4096L));
        }
        pool.Trim();
        Assert.That((pool.CurrentBytes, pool.PeakBytes), Is.EqualTo((0L, 0L)));
    }

    [Test]
    public void ABufferThatOutlivesThePoolIsFreedWhenGivenBack()
    {
        var pool = new ScratchPool();
        AlignedBuffer buffer = pool.Rent(1);
        pool.Dispose();
        Assert.That(pool.CurrentBytes, Is.EqualTo(4096));
        buffer.Dispose();
        Assert.That(pool.CurrentBytes, Is.Zero);
    }
}

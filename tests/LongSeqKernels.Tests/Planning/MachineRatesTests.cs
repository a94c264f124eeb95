using NUnit.Framework;

namespace LongSeqKernels.Tests.Planning;

public class MachineRatesTests
{
    [TestCase(1L << 16)]
    [TestCase(96L << 20)]
    public void ReadsOfAnySizeHaveARate(long bytes) => Assert.That(MachineRates.MeasureReads(bytes, threads: 1), Is.GreaterThan(1e8));

    [TestCase(0)]
    [TestCase((96L << 20) + 1)]
    public void SizesThatAreNotMeasuredAreRefused(long bytes) =>
        Assert.That(() => MachineRates.MeasureReads(bytes), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains($"bytes is {bytes}; it must be from 65536 to 100663296"));

    [Test]
    public void ThreadsOutOfRangeAreRefused()
    {
        Assert.That(() => MachineRates.MeasureReads(1 << 20, -1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("threads is -1"));
        Assert.That(() => MachineRates.Measure(-1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("threads is -1"));
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The same tests over streams that do nothing until somebody waits for them: what relies on work that was only enqueued fails.</summary>
public sealed class LazyStreamsTests
{
    [Test]
    public void NothingReliesOnStreamsThatRunAtOnce()
    {
        EmulatedLibrary.Require(nameof(LazyStreamsTests));
        ChildTests.Run($".{nameof(DeviceTests)}.", ("EMU_LAZY_STREAMS", "1"));
    }
}

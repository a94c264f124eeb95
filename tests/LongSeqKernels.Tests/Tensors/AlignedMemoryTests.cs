using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace LongSeqKernels.Tests.Tensors;

public sealed unsafe class AlignedMemoryTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(17)]
    [TestCase(100_003)]
    public void BeginsOnACacheLineWhateverTheType(int length)
    {
        // Several at a time: the first of fresh memory could lie well by chance.
        for (int i = 0; i < 8; i++)
        {
            AssertAligned<float>(length);
            AssertAligned<BFloat16>(length);
            AssertAligned<Half>(length);
            AssertAligned<byte>(length);
            AssertAligned<double>(length);
        }
    }

    [Test]
    public void StaysWhereItIsWhenTheCollectorMovesThings()
    {
        Memory<float> memory = AlignedMemory.AllocateUninitialized<float>(1000);
        long before = Address(memory);
        memory.Span.Fill(3);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        Assert.That(Address(memory), Is.EqualTo(before));
        Assert.That(memory.ToArray(), Is.All.EqualTo(3f));
    }

    [Test]
    public void LargeMemoryAsksForLargePages()
    {
        if (!File.Exists("/sys/kernel/mm/transparent_hugepage/enabled"))
        {
            Assert.Ignore("NOT RUN: this system has no transparent huge pages.");
        }
        Memory<byte> memory = AlignedMemory.AllocateUninitialized<byte>(16 << 20);

        Assert.That(FlagsOfMapping(Address(memory) + (memory.Length / 2)), Does.Contain("hg"));
        GC.KeepAlive(memory);
    }

    [TestCase(-1)]
    [TestCase(2_147_483_591)]
    [TestCase(long.MaxValue)]
    public void LengthsThatNoArrayHasAreRefused(long length) =>
        Assert.That(() => AlignedMemory.AllocateUninitialized<float>(length), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.StartsWith($"length is {length}; it must be from 0 to 2147483575"));

    [Test]
    public void TypesThatCannotLieOnALineAreRefused() =>
        Assert.That(() => AlignedMemory.AllocateUninitialized<decimal>(1), Throws.ArgumentException.With.Message.StartsWith("T is Decimal of 16 bytes; it must be a type of 1, 2, 4 or 8 bytes"));

    /// <summary>What the kernel has noted about the memory around an address.</summary>
    private static string[] FlagsOfMapping(long address)
    {
        const string flags = "VmFlags:";
        bool found = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] range = line.Split(' ')[0].Split('-');
            if (range.Length == 2)
            {
                found = Convert.ToInt64(range[0], 16) <= address && address < Convert.ToInt64(range[1], 16);
            }
            else if (found && line.StartsWith(flags, StringComparison.Ordinal))
            {
                return line[flags.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }
        }
        return [];
    }

    private static void AssertAligned<T>(int length)
        where T : unmanaged
    {
        Memory<T> memory = AlignedMemory.AllocateUninitialized<T>(length);
        Assert.That(memory.Length, Is.EqualTo(length));
        Assert.That(Address(memory) % AlignedMemory.Alignment, Is.Zero, typeof(T).Name);
    }

    private static long Address<T>(Memory<T> memory)
        where T : unmanaged =>
        (long)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory.Span));
}

using LongSeqKernels.Interchange;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What is wrong with a DLPack tensor is said: what was found and what it must be. A refused tensor is neither lost nor deleted twice.</summary>
[TestFixture(DLPackLayout.Versioned)]
[TestFixture(DLPackLayout.Legacy)]
public sealed unsafe class DLPackRefusalTests(DLPackLayout layout)
{
    private const nint Address = 0x1000;

    [Test]
    public void ACapsuleIsConsumedOnce()
    {
        using var foreign = new ForeignTensor(layout, Address, 6);
        using DLPackCapsule capsule = foreign.Capsule();
        using HostTensor<float> tensor = capsule.ImportHost<float>();
        const string Message = "The DLPack capsule has been consumed: its tensor belongs to whom it was handed to. Export the tensor again to share it again.";

        Assert.That(() => capsule.ImportHost<float>(), Throws.InvalidOperationException.With.Message.EqualTo(Message));
        Assert.That(() => capsule.Consume(), Throws.InvalidOperationException.With.Message.EqualTo(Message));
    }

    [Test]
    public void OnlyOneOfManyThreadsConsumesIt()
    {
        for (int round = 0; round < 200; round++)
        {
            using var foreign = new ForeignTensor(layout, Address, 6);
            using DLPackCapsule capsule = foreign.Capsule();
            int consumed = 0;
            Parallel.For(0, 4, _ =>
            {
                try
                {
                    capsule.ImportHost<float>().Dispose();
                    Interlocked.Increment(ref consumed);
                }
                catch (InvalidOperationException e)
                {
                    Assert.That(e.Message, Does.Contain("has been consumed"));
                }
            });
            Assert.That((consumed, foreign.Deleted), Is.EqualTo((1, 1)));
        }
    }

    [TestCase(2, 64, 1, "float64")]
    [TestCase(2, 16, 1, "float16")]
    [TestCase(4, 16, 1, "bfloat16")]
    [TestCase(0, 32, 1, "int32")]
    [TestCase(1, 32, 1, "uint32")]
    [TestCase(5, 64, 1, "complex64")]
    [TestCase(6, 8, 1, "bool")]
    [TestCase(2, 32, 4, "float32x4")]
    [TestCase(10, 8, 1, "of code 10 with 8 bits")]
    public void AnotherTypeIsNamed(int code, int bits, int lanes, string name) => AssertRefused(
        tensor => tensor.Tensor.Type = new DLDataType { Code = (byte)code, Bits = (byte)bits, Lanes = (ushort)lanes },
        $"The DLPack tensor's dtype is {name}; it must be float32, to be read as Single.");

    [TestCase(2, "CUDA device 3")]
    [TestCase(10, "a device of DLPack's type 10")]
    public void AnotherDeviceIsNamed(int type, string name) => AssertRefused(
        tensor => tensor.Tensor.Device = new DLDevice { DeviceType = type, DeviceId = 3 },
        $"The DLPack tensor's device is {name}; it must be host memory (ImportDevice imports from a GPU).");

    [TestCase(1, 2, "[1, 2]")]
    [TestCase(4, 1, "[4, 1]")]
    [TestCase(-3, 1, "[-3, 1]")]
    public void GapsAndOtherOrdersAreRefused(long row, long column, string strides) => AssertRefused(
        tensor => tensor.WithStrides(row, column),
        $"The DLPack tensor's strides is {strides} for the shape [2, 3]; it must be row-major without gaps: make it contiguous before exporting it.");

    [Test]
    public void ShapesThatCannotBeAreRefused()
    {
        AssertRefused(tensor => tensor.Tensor.Shape[1] = -3, "The DLPack tensor's shape is [2, -3]; it must be extents of 0 or more, of a number of bytes that fits in 64 bits.");
        AssertRefused(
            tensor => tensor.Tensor.Shape[1] = long.MaxValue / 4,
            $"The DLPack tensor's shape is [2, {long.MaxValue / 4}]; it must be extents of 0 or more, of a number of bytes that fits in 64 bits.");
        AssertRefused(tensor => tensor.Tensor.Shape[1] = int.MaxValue, $"length is {2L * int.MaxValue}; it must be from 0 to {int.MaxValue}, the elements of a span.");
    }

    [Test]
    public void DataThatCannotBeAreRefused()
    {
        AssertRefused(tensor => tensor.Tensor.Data = null, "The DLPack tensor's data is NULL; it must be the address of 6 elements.");
        AssertRefused(tensor => tensor.Tensor.ByteOffset = 2, "The DLPack tensor's data is at 0x1002; it must be aligned to 4 bytes, its elements.");
    }

    [Test]
    public void ATensorWithoutExtentsIsGivenBack()
    {
        AssertGivenBack(tensor => tensor.Tensor.DimensionCount = -1, "The DLPack tensor's shape is one of -1 dimensions; it must be an extent for each of 0 or more dimensions.");
        AssertGivenBack(tensor => tensor.Tensor.Shape = null, "The DLPack tensor's shape is NULL; it must be an extent for each of 0 or more dimensions.");
    }

    [Test]
    public void ATensorOfAnotherMajorVersionIsGivenBackUnread()
    {
        if (layout == DLPackLayout.Legacy)
        {
            Assert.Pass("A legacy tensor has no version.");
        }
        AssertGivenBack(
            tensor =>
            {
                tensor.Versioned->Version = new DLPackVersion { Major = 2, Minor = 5 };
                tensor.Tensor.DimensionCount = -1;
            },
            "The DLPack tensor's version is 2.5; it must be 1.x, whose layout is known here. It was given back to its producer.");
        using var newer = new ForeignTensor(layout, Address, 6);
        newer.Versioned->Version.Minor = 99;
        Assert.That(() => newer.Capsule().Dispose(), Throws.Nothing, "minor versions keep the layout");
    }

    [Test]
    public void NoTensorIsNoTensor() => Assert.That(
        () => DLPackCapsule.FromPointer(0, layout), Throws.ArgumentException.With.Message.Contains("managedTensor is NULL; it must be a DLManagedTensorVersioned or DLManagedTensor."));

    [Test]
    public void WrongExportsAreRefused()
    {
        Assert.That(
            () => DLPackCapsule.Export<float>(new float[6], [2, 4], layout),
            Throws.ArgumentException.With.Message.Contains("shape is [2, 4]; it must be extents whose product is 6, the number of elements."));
        Assert.That(() => DLPackCapsule.Export<float>(new float[6], [-2, -3], layout), Throws.ArgumentException.With.Message.Contains("shape is [-2, -3]"));
        Assert.That(
            () => DLPackCapsule.Export<double>(new double[6], [6], layout),
            Throws.InstanceOf<NotSupportedException>().With.Message.EqualTo("Element type Double is not exchanged by DLPack: tensors are float, BFloat16, Half, long or byte."));
        Assert.That(() => DLPackCapsule.Export<float>(new float[6], [6], (DLPackLayout)7), Throws.ArgumentException.With.Message.Contains("layout is 7; it must be one of Versioned, Legacy"));
    }

    [Test]
    public void ReadOnlyTensorsAreReadOnly()
    {
        using DLPackCapsule capsule = DLPackCapsule.ExportReadOnly<float>(new float[6], [6]);
        using DLPackCapsule received = DLPackCapsule.FromPointer(capsule.Consume(), capsule.Layout);
        using HostTensor<float> tensor = received.ImportHost<float>();

        Assert.That(received.IsReadOnly && tensor.IsReadOnly);
        Assert.That(tensor.Span.Length, Is.EqualTo(6));
        Assert.That(
            () => tensor.WritableSpan.Length,
            Throws.InvalidOperationException.With.Message.EqualTo("The tensor is read-only, as its producer demands; copy it to memory of your own to write."));
    }

    [TestCase(0, 6, "pointer is 0; it must be the address of 6 elements, aligned to their 4 bytes.")]
    [TestCase(0x1002, 6, "pointer is 0x1002; it must be the address of 6 elements, aligned to their 4 bytes.")]
    [TestCase(0x1000, -1, "length is -1; it must be from 0 to 2147483647, the elements of a span.")]
    public void WrongWrapsAreRefused(int address, long length, string message) =>
        Assert.That(() => HostTensor<float>.Wrap(address, length), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    private void AssertRefused(Action<ForeignTensor> spoil, string message)
    {
        using var foreign = new ForeignTensor(layout, Address, 2, 3);
        spoil(foreign);
        DLPackCapsule capsule = foreign.Capsule();

        Assert.That(() => capsule.ImportHost<float>(), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));
        Assert.That((capsule.IsConsumed, foreign.Deleted), Is.EqualTo((false, 0)), "it stays in the capsule");
        capsule.Dispose();
        Assert.That(foreign.Deleted, Is.EqualTo(1));
    }

    private void AssertGivenBack(Action<ForeignTensor> spoil, string message)
    {
        using var foreign = new ForeignTensor(layout, Address, 2, 3);
        spoil(foreign);

        Assert.That(() => foreign.Capsule(), Throws.Exception.With.Message.EqualTo(message));
        Assert.That(foreign.Deleted, Is.EqualTo(1));
    }
}

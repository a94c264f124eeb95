#nullable disable warnings // Fields are set by SetUp.

using LongSeqKernels.Interchange;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The examples of Interchange/README.md that need no foreign package, compiled and run here. The README shows what stands between the marks (LongSeqKernels.Docs.Tests sees to it).</summary>
public sealed class InterchangeReadmeTests
{
    private NativeDevice _device;
    private DeviceStream _stream;
    private DeviceTensor<float> _embeddings;

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(InterchangeReadmeTests));

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
        _embeddings = _device.Upload<float>([1, 2, 3, 4, 5, 6], _stream);
    }

    [TearDown]
    public void Close()
    {
        _embeddings.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    [Test]
    public void DLPack()
    {
        const int events = 3, width = 2;
        NativeDevice device = _device;
        DeviceTensor<float> embeddings = _embeddings;

        // <example>
        // Out: the consumer gets a pointer, and calls its deleter when it is done.
        using DLPackCapsule capsule = DLPackCapsule.Export(embeddings, [events, width]);
        nint managedTensor = capsule.Consume();                       // a DLManagedTensorVersioned of DLPack 1.x; "dltensor_versioned" in Python

        // In: of either struct, from any producer.
        using DLPackCapsule received = DLPackCapsule.FromPointer(managedTensor, DLPackLayout.Versioned);
        using DeviceTensor<float> tensor = received.ImportDevice<float>(device);
        // </example>

        Assert.That(tensor.Pointer, Is.EqualTo(embeddings.Pointer));
    }

    [Test]
    public void RawPointers()
    {
        NativeDevice device = _device;
        (nint pointer, long length) = (_embeddings.Pointer, _embeddings.Length);
        bool released = false;
        Action release = () => released = true;
        {
            // <example>
            using DeviceTensor<float> keys = device.Wrap<float>(pointer, length, release);
            // </example>

            keys.Clear(_stream);
        }
        var values = new float[length];
        _embeddings.CopyTo(values.AsSpan(), _stream);

        Assert.That((released, values), Is.EqualTo((true, new float[length])));
    }
}

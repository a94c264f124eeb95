#nullable disable warnings // Fields are set by SetUp.

using System.Runtime.CompilerServices;
using LongSeqKernels.Interchange;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Device memory of other libraries, by raw pointer and through DLPack, over the library with emulated kernels.</summary>
public sealed class DeviceInterchangeTests
{
    private static readonly float[] Values = [1, 2, 3, 4, 5, 6];

    private NativeDevice _device;
    private DeviceStream _stream;
    private DeviceTensor<float> _theirs;

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(DeviceInterchangeTests));

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
        _theirs = _device.Upload<float>(Values, _stream);
    }

    [TearDown]
    public void Close()
    {
        _theirs.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    [Test]
    public void WrappedMemoryIsATensorOfItsOwner()
    {
        int released = 0;
        DeviceTensor<float> wrapped = _device.Wrap<float>(_theirs.Pointer, Values.Length, () => released++);
        wrapped.CopyFrom([6, 5, 4, 3, 2, 1], _stream);

        Assert.That(Download(_theirs), Is.EqualTo(new float[] { 6, 5, 4, 3, 2, 1 }));
        wrapped.Dispose();
        wrapped.Dispose();
        Assert.That(released, Is.EqualTo(1));
        Assert.That(() => wrapped.Clear(_stream), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(Download(_theirs)[0], Is.EqualTo(6), "its owner frees it, not we");
    }

    [Test]
    public void WrappedMemoryIsUsedByRuns()
    {
        using DeviceTensor<float> logSumExps = _device.Upload<float>([0, 0], _stream);
        using DeviceTensor<float> output = _device.Allocate<float>(3);
        using DeviceTensor<float> logSumExp = _device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 2, 1, 3);
        using DeviceTensor<float> wrapped = _device.Wrap<float>(_theirs.Pointer, Values.Length);

        plan.Forward(_stream, wrapped, logSumExps, output, logSumExp);

        Assert.That(Download(output), Is.EqualTo(new float[] { 2.5f, 3.5f, 4.5f }).Within(1e-6f));
        Assert.That(
            () => plan.Forward(_stream, wrapped, logSumExps, wrapped.Slice(0, 3), logSumExp),
            Throws.ArgumentException.With.Message.Contains("output is memory that overlaps outputs"));
    }

    [Test]
    public void AGraphHoldsWrappedMemory()
    {
        int released = 0;
        DeviceTensor<float> wrapped = _device.Wrap<float>(_theirs.Pointer, Values.Length, () => released++);
        _stream.BeginCapture();
        wrapped.Clear(_stream);
        DeviceGraph graph = _stream.EndCapture();
        wrapped.Dispose();
        Assert.That(released, Is.Zero);

        graph.Launch(_stream);
        Assert.That(Download(_theirs), Is.All.Zero);
        graph.Dispose();

        Assert.That(released, Is.EqualTo(1));
    }

    [Test]
    public void WrappedMemoryIsGivenBackWhenTheWorkOnItIsDone() => ChildTests.RunIn(
        $".{nameof(DeviceInterchangeTests)}.{nameof(WrappedMemoryIsGivenBackWhenTheWorkOnItIsDone)}", ("EMU_LAZY_STREAMS", "1"), () =>
        {
            // With lazy streams nothing has run until somebody waits.
            float[] seen = null;
            using PinnedBuffer<float> result = _device.AllocatePinned<float>(Values.Length);
            DeviceTensor<float> wrapped = _device.Wrap<float>(_theirs.Pointer, Values.Length, () => seen = result.Span.ToArray());
            wrapped.CopyTo(result, _stream);
            Assert.That(result.Span.ToArray(), Is.Not.EqualTo(Values), "the copy waits");

            wrapped.Dispose();

            Assert.That(seen, Is.EqualTo(Values));
        });

    [Test]
    public void HeldMemoryOutlivesItsTensor()
    {
        nint pointer = _theirs.Pointer;
        IDisposable held = _theirs.Hold();
        _theirs.Dispose();

        using (DeviceTensor<float> again = _device.Wrap<float>(pointer, Values.Length, held.Dispose))
        {
            Assert.That(Download(again), Is.EqualTo(Values));
        }

        Assert.That(() => _theirs.Hold(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void AHeldStreamOutlivesItsOwner()
    {
        DeviceStream lent = _device.CreateStream();
        nint handle = lent.CudaStream;
        IDisposable held = lent.Hold();
        lent.Dispose();
        Assert.That(() => lent.Hold(), Throws.InstanceOf<ObjectDisposedException>());

        using (DeviceStream wrapped = _device.WrapStream(handle))
        {
            _theirs.Clear(wrapped);
            wrapped.Synchronize();
        }
        held.Dispose();
        held.Dispose();

        Assert.That(Download(_theirs), Is.All.Zero);
    }

    [Test]
    public void WhatIsHeldAndForgottenIsFreedByTheCollector()
    {
        using var collector = new RestlessCollector();
        int released = 0;
        HoldAndForget(() => Interlocked.Increment(ref released));

        Assert.That(() => Volatile.Read(ref released), Is.EqualTo(1).After(5000, 10));
    }

    [Test]
    public void WrongWrapsAreRefused()
    {
        Assert.That(() => _device.Wrap<float>(0, 6), Throws.ArgumentException.With.Message.Contains("pointer is 0; it must be the address of 6 elements, aligned to their 4 bytes."));
        Assert.That(() => _device.Wrap<float>(_theirs.Pointer + 2, 1), Throws.ArgumentException.With.Message.Contains("aligned to their 4 bytes"));
        Assert.That(() => _device.Wrap<float>(_theirs.Pointer, -1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("length is -1; it must be 0 or more"));
        using DeviceTensor<float> none = _device.Wrap<float>(0, 0);
        Assert.That(none.Length, Is.Zero);
        _device.Dispose();
        Assert.That(() => _device.Wrap<float>(_theirs.Pointer, 6), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void ADeviceTensorCrossesByDLPack([Values] DLPackLayout layout)
    {
        DLPackCapsule exported = DLPackCapsule.Export(_theirs, [2, 3], layout);
        Assert.That((exported.Device, exported.DeviceId, exported.ElementType), Is.EqualTo((DLPackDevice.Cuda, 0, "float32")));
        // The exporter may go: what it shared stays.
        nint address = _theirs.Pointer;
        _theirs.Dispose();

        using DLPackCapsule received = DLPackCapsule.FromPointer(exported.Consume(), layout);
        using DeviceTensor<float> tensor = received.ImportDevice<float>(_device);

        Assert.That(tensor.Pointer, Is.EqualTo(address));
        Assert.That(Download(tensor), Is.EqualTo(Values));
    }

    [Test]
    public void APinnedBufferCrossesByDLPack([Values] DLPackLayout layout)
    {
        using PinnedBuffer<float> buffer = _device.AllocatePinned<float>(6);
        Values.CopyTo(buffer.Span);
        using DLPackCapsule exported = DLPackCapsule.Export(buffer, [6], layout);
        buffer.Dispose();

        using HostTensor<float> tensor = exported.ImportHost<float>();

        Assert.That(exported.Device, Is.EqualTo(DLPackDevice.CudaHost));
        Assert.That(tensor.Span.ToArray(), Is.EqualTo(Values));
    }

    [Test]
    public unsafe void DeviceTensorsThatCannotBeReadAreRefused([Values] DLPackLayout layout)
    {
        using var foreign = new ForeignTensor(layout, _theirs.Pointer, 6);
        DLPackCapsule capsule = foreign.Capsule();
        Assert.That(
            () => capsule.ImportDevice<float>(_device),
            Throws.ArgumentException.With.Message.EqualTo("The DLPack tensor's device is host memory; it must be CUDA device 0, which was passed."));
        foreign.Tensor.Device = new DLDevice { DeviceType = (int)DLPackDevice.Cuda, DeviceId = 1 };
        capsule = Again(capsule);
        Assert.That(
            () => capsule.ImportDevice<float>(_device),
            Throws.ArgumentException.With.Message.EqualTo("The DLPack tensor's device is CUDA device 1; it must be CUDA device 0, which was passed."));
        foreign.Tensor.Device.DeviceId = 0;
        foreign.WithStrides(2);
        capsule = Again(capsule);
        Assert.That(() => capsule.ImportDevice<Half>(_device), Throws.ArgumentException.With.Message.EqualTo("The DLPack tensor's dtype is float32; it must be float16, to be read as Half."));
        Assert.That(() => capsule.ImportDevice<float>(_device), Throws.ArgumentException.With.Message.Contains("The DLPack tensor's strides is [2] for the shape [6]"));
        foreign.Tensor.Strides = null;
        capsule = Again(capsule);
        _device.Dispose();
        Assert.That(() => capsule.ImportDevice<float>(_device), Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains(nameof(NativeDevice)));
        Assert.That(foreign.Deleted, Is.Zero);
        capsule.Dispose();
        Assert.That(foreign.Deleted, Is.EqualTo(1));
    }

    [Test]
    public void ReadOnlyDeviceTensorsAreNotWritten()
    {
        using DeviceTensor<float> readOnly = ReadOnly();
        using DeviceTensor<float> one = _device.Upload<float>([0], _stream);
        using DeviceTensor<float> six = _device.Allocate<float>(6);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 1, 1, 6);
        using DeviceTensor<float> logSumExp = _device.Allocate<float>(1);
        const string Message = "is read-only memory of another library; it must be memory that may be written.";

        plan.Forward(_stream, readOnly, one, six, logSumExp);

        Assert.That(Download(six), Is.EqualTo(Values));
        Assert.That(() => plan.Forward(_stream, six, one, readOnly, logSumExp), Throws.ArgumentException.With.Message.Contains("output " + Message));
        Assert.That(() => readOnly.Clear(_stream), Throws.ArgumentException.With.Message.Contains("tensor " + Message));
        Assert.That(() => readOnly.CopyFrom(Values, _stream), Throws.ArgumentException.With.Message.Contains("tensor " + Message));
        Assert.That(
            () => DLPackCapsule.Export(readOnly, [6], DLPackLayout.Legacy),
            Throws.ArgumentException.With.Message.Contains("layout is Legacy; it must be Versioned for read-only memory: the legacy struct cannot say so."));
        using DLPackCapsule again = DLPackCapsule.Export(readOnly, [6]);
        Assert.That(again.IsReadOnly);
    }

    [Test]
    public void ACollectorThatNeverRestsTakesNoSharedMemory()
    {
        using var collector = new RestlessCollector();
        for (int i = 0; i < 50; i++)
        {
            Assert.That(Download(ShareAndForget()), Is.EqualTo(Values));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DeviceTensor<float> ShareAndForget() =>
        DLPackCapsule.FromPointer(DLPackCapsule.Export(_device.Upload<float>(Values, _stream), [6]).Consume(), DLPackLayout.Versioned).ImportDevice<float>(_device);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HoldAndForget(Action release) => _device.Wrap<float>(_theirs.Pointer, Values.Length, release).Hold();

    private unsafe DeviceTensor<float> ReadOnly()
    {
        nint pointer = DLPackCapsule.Export(_theirs, [6]).Consume();
        ((DLManagedTensorVersioned*)pointer)->Flags = DLManagedTensorVersioned.ReadOnlyFlag;
        return DLPackCapsule.FromPointer(pointer, DLPackLayout.Versioned).ImportDevice<float>(_device);
    }

    /// <summary>The same tensor, read again.</summary>
    private static DLPackCapsule Again(DLPackCapsule capsule)
    {
        DLPackLayout layout = capsule.Layout;
        return DLPackCapsule.FromPointer(capsule.Consume(), layout);
    }

    private float[] Download(DeviceTensor<float> tensor)
    {
        var values = new float[tensor.Length];
        tensor.CopyTo(values.AsSpan(), _stream);
        return values;
    }
}

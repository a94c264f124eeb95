#nullable disable warnings // Fields are set by SetUp.

using LongSeqKernels.Interop;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What wrong calls lead to: an exception that says what was wrong, never a crash.</summary>
public sealed class RefusalTests
{
    private NativeDevice _device;
    private DeviceStream _stream;

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(RefusalTests));

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
    }

    [TearDown]
    public void Close()
    {
        _stream.Dispose();
        _device.Dispose();
    }

    [TestCase(LskStatus.InvalidArgument, typeof(ArgumentException))]
    [TestCase(LskStatus.Unsupported, typeof(NotSupportedException))]
    [TestCase(LskStatus.OutOfMemory, typeof(OutOfMemoryException))]
    [TestCase(LskStatus.NoDriver, typeof(PlatformNotSupportedException))]
    [TestCase(LskStatus.NoDevice, typeof(PlatformNotSupportedException))]
    [TestCase(LskStatus.UnsupportedDevice, typeof(PlatformNotSupportedException))]
    [TestCase(LskStatus.DeviceError, typeof(LongSeqNativeException))]
    [TestCase(LskStatus.ContextLost, typeof(LongSeqNativeException))]
    public void EveryStatusIsAnException(object status, Type exception)
    {
        Exception failure = Status.Failure((LskStatus)status, "what happened");

        Assert.That(failure, Is.TypeOf(exception));
        Assert.That(failure.Message, Is.EqualTo("what happened"));
        if (failure is LongSeqNativeException native)
        {
            Assert.That(native.NativeCode, Is.EqualTo((int)(LskStatus)status));
            Assert.That(native.IsContextLost, Is.EqualTo((LskStatus)status == LskStatus.ContextLost));
        }
    }

    [Test]
    public void InvalidArgumentsCarryTheNativeText()
    {
        using var stream = new StreamHandle(_device.Handle);
        Assert.That(
            () => Lsk.BufferCreate(_device.Handle, 99, 8, out _).ThrowIfFailed(),
            Throws.ArgumentException.With.Message.Contains("memory was 99 but must be from 0 to 2"));
    }

    [Test]
    public void ADeviceThatDoesNotExistIsNamed() =>
        Troubleshooting.AssertSays("no-such-device", Assert.Throws<PlatformNotSupportedException>(() => NativeDevice.OpenAny(99))!.Message);

    [Test]
    public void MemoryThatIsNotThereIsSaidAndTheDeviceGoesOn()
    {
        Assert.That(() => _device.Allocate<float>(1L << 45), Throws.InstanceOf<OutOfMemoryException>().With.Message.Contains("allocating"));

        using DeviceTensor<float> small = _device.Allocate<float>(4);
        Assert.That(small.Length, Is.EqualTo(4));
    }

    [Test]
    public void ShapesBeyondAllKernelsAreRefusedWhenPlanned()
    {
        var shape = new CrossAttentionShape { Targets = JaggedLayout.FromLengths(1), History = JaggedLayout.FromLengths(1), Heads = 1, HeadWidth = 4096 };

        Assert.That(() => NativeCrossAttentionPlan<float, float>.Create(_device, shape), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("4096"));
    }

    [Test]
    public void TheEmulatedLibraryIsForTestsOnly()
    {
        if (!LongSeqNative.LoadReport.IsEmulated)
        {
            Assert.Ignore("The library that is loaded runs on a GPU.");
        }
        Assert.That(NativeDevice.Count, Is.Zero);
        Troubleshooting.AssertSays("emulated", Assert.Throws<PlatformNotSupportedException>(() => NativeDevice.Open())!.Message, (LongSeqNative.LoadReport.Path, "PATH"));
        Assert.That(() => LongSeqContext.Create(Backend.Native), Throws.InstanceOf<PlatformNotSupportedException>());
        using LongSeqContext context = LongSeqContext.Create();
        Assert.That(context.Explain(), Does.StartWith("managed").And.Contain("for tests only"));
    }

    [Test]
    public void UseAfterDisposeIsRefused()
    {
        DeviceTensor<float> tensor = _device.Allocate<float>(4);
        PinnedBuffer<float> pinned = _device.AllocatePinned<float>(4);
        NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 1, 1, 4);
        DeviceStream stream = _device.CreateStream();
        DeviceEvent marker = _device.CreateEvent();
        DeviceSlice<float> slice = tensor;
        using DeviceTensor<float> one = _device.Allocate<float>(1);
        using DeviceTensor<float> four = _device.Allocate<float>(4);
        using DeviceTensor<float> result = _device.Allocate<float>(4);
        using DeviceTensor<float> lse = _device.Allocate<float>(1);
        tensor.Dispose();
        pinned.Dispose();
        stream.Dispose();
        marker.Dispose();

        AssertDisposed(() => tensor.Clear(_stream), "tensor has been disposed; dispose memory after its last run or copy has been enqueued.");
        AssertDisposed(() => plan.Forward(_stream, slice, one, four, one), "outputs has been disposed; dispose memory after its last run or copy has been enqueued.");
        AssertDisposed(() => four.CopyTo(pinned, _stream), "PinnedBuffer");
        AssertDisposed(() => pinned.Span.Clear(), "PinnedBuffer");
        AssertDisposed(() => plan.Forward(stream, four, one, result, lse), "DeviceStream");
        AssertDisposed(stream.Synchronize, "DeviceStream");
        AssertDisposed(() => marker.Record(_stream), "DeviceEvent");
        plan.Dispose();
        AssertDisposed(() => plan.Explain(), "NativeMergeStatesPlan");
        AssertDisposed(() => plan.Forward(_stream, four, one, result, lse), "NativeMergeStatesPlan");
        _device.Dispose();
        AssertDisposed(() => _device.CreateStream(), "NativeDevice");
    }

    [Test]
    public void WhatIsDisposedIsRefusedEvenWhereItIsStillAllocated()
    {
        DeviceTensor<float> tensor = _device.Upload<float>([1, 2], _stream);
        DeviceStream stream = _device.CreateStream();
        using IDisposable heldTensor = tensor.Hold();
        using IDisposable heldStream = stream.Hold();
        tensor.Dispose();
        stream.Dispose();

        AssertDisposed(() => tensor.Clear(_stream), "tensor has been disposed");
        AssertDisposed(() => tensor.Hold(), "tensor has been disposed");
        AssertDisposed(() => _ = stream.CudaStream, "DeviceStream");
        AssertDisposed(() => stream.Hold(), "DeviceStream");
    }

    private static void AssertDisposed(Action use, string says) =>
        Assert.That(use, Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains(says));

    [Test]
    public void TensorsAndStreamsOfAnotherDeviceAreRefused()
    {
        using NativeDevice other = NativeDevice.OpenAny(0);
        using DeviceStream foreignStream = other.CreateStream();
        using DeviceTensor<float> foreign = other.Allocate<float>(4);
        using DeviceTensor<float> four = _device.Allocate<float>(4);
        using DeviceTensor<float> one = _device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 1, 1, 4);

        Assert.That(() => plan.Forward(foreignStream, four, one, foreign, one), Throws.ArgumentException.With.Message.Contains("stream"));
        Assert.That(() => plan.Forward(_stream, foreign, one, four, one), Throws.ArgumentException.With.Message.Contains("outputs is memory of another device"));
        Assert.That(() => foreign.Clear(_stream), Throws.ArgumentException);
    }

    [Test]
    public void LengthsAndOverlapsAreChecked()
    {
        using DeviceTensor<float> four = _device.Allocate<float>(4);
        using DeviceTensor<float> states = _device.Allocate<float>(8);
        using DeviceTensor<float> two = _device.Allocate<float>(2);
        using DeviceTensor<float> one = _device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 2, 1, 4);

        Assert.That(() => plan.Forward(_stream, four, two, four, one), Throws.ArgumentException.With.Message.Contains("outputs has 4 elements; it must have 8"));
        Assert.That(
            () => plan.Forward(_stream, states, two, states.Slice(4, 4), one),
            Throws.ArgumentException.With.Message.Contains("output is memory that overlaps outputs"));
        Assert.That(() => states.Slice(5, 4), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("length"));
        Assert.That(() => four.CopyFrom(new float[3], _stream), Throws.ArgumentException.With.Message.Contains("source has 3 elements"));
    }

    [Test]
    public void ARunAfterAFailureIsClean()
    {
        using DeviceTensor<float> states = _device.Upload<float>(new float[8], _stream);
        using DeviceTensor<float> two = _device.Upload<float>(new float[2], _stream);
        using DeviceTensor<float> four = _device.Allocate<float>(4);
        using DeviceTensor<float> one = _device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 2, 1, 4);
        for (int i = 0; i < 10; i++)
        {
            Assert.That(() => plan.Forward(_stream, states, two, default, one), Throws.ArgumentException);
            plan.Forward(_stream, states, two, four, one);
        }
        var result = new float[4];
        four.CopyTo(result.AsSpan(), _stream);

        Assert.That(result, Is.All.Zero);
    }
}

using System.Runtime.CompilerServices;
using LongSeqKernels.Interchange;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Host tensors through DLPack, both ways: the data where they are, and each deleter called exactly once.</summary>
[TestFixture(DLPackLayout.Versioned)]
[TestFixture(DLPackLayout.Legacy)]
public sealed unsafe class DLPackHostTests(DLPackLayout layout)
{
    private static readonly float[] Pinned = GC.AllocateArray<float>(6, pinned: true);

    private static nint Data => (nint)Unsafe.AsPointer(ref Pinned[0]);

    [SetUp]
    public void Fill()
    {
        for (int i = 0; i < Pinned.Length; i++)
        {
            Pinned[i] = i;
        }
    }

    [Test]
    public void AnImportedTensorIsTheProducersMemory()
    {
        using var foreign = new ForeignTensor(layout, Data, 2, 3);
        using DLPackCapsule capsule = foreign.Capsule();

        using HostTensor<float> tensor = capsule.ImportHost<float>();
        tensor.WritableSpan[5] = 50;

        Assert.That(capsule.Shape.ToArray(), Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(capsule.ElementType, Is.EqualTo("float32"));
        Assert.That((tensor.Length, tensor.Span[1], Pinned[5]), Is.EqualTo((6, 1f, 50f)));
        Assert.That(capsule.IsConsumed);
    }

    [Test]
    public void TheDeleterIsCalledOnceWhenTheImportedTensorIsDisposed()
    {
        using var foreign = new ForeignTensor(layout, Data, 6);
        DLPackCapsule capsule = foreign.Capsule();
        HostTensor<float> tensor = capsule.ImportHost<float>();
        capsule.Dispose();
        Assert.That(foreign.Deleted, Is.Zero);

        tensor.Dispose();
        tensor.Dispose();
        capsule.Dispose();

        Assert.That(foreign.Deleted, Is.EqualTo(1));
        Assert.That(() => tensor.Span.Length, Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void ACapsuleThatNobodyConsumedCallsTheDeleterOnce()
    {
        using var foreign = new ForeignTensor(layout, Data, 6);
        DLPackCapsule capsule = foreign.Capsule();

        capsule.Dispose();
        capsule.Dispose();

        Assert.That(foreign.Deleted, Is.EqualTo(1));
        Assert.That(() => capsule.ImportHost<float>(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void AForgottenTensorIsGivenBackByTheCollector()
    {
        using var foreign = new ForeignTensor(layout, Data, 6);
        using (new RestlessCollector())
        {
            ImportAndForget(foreign);
            Assert.That(() => foreign.Deleted, Is.EqualTo(1).After(5000, 10));
        }
    }

    [Test]
    public void ATensorWithoutADeleterIsFine()
    {
        using var foreign = new ForeignTensor(layout, Data, 6);
        foreign.Versioned->Deleter = layout == DLPackLayout.Versioned ? null : foreign.Versioned->Deleter;
        foreign.Legacy->Deleter = layout == DLPackLayout.Legacy ? null : foreign.Legacy->Deleter;
        using DLPackCapsule capsule = foreign.Capsule();

        Assert.That(() => capsule.ImportHost<float>().Dispose(), Throws.Nothing);
    }

    [Test]
    public void OffsetsAndRowMajorStridesAreRead()
    {
        // 1 x 2 x 2 from the third element on; the stride of the single row says nothing.
        using ForeignTensor foreign = new ForeignTensor(layout, Data, 1, 2, 2).WithStrides(-7, 2, 1);
        foreign.Tensor.ByteOffset = 2 * sizeof(float);
        using DLPackCapsule capsule = foreign.Capsule();
        using HostTensor<float> tensor = capsule.ImportHost<float>();

        Assert.That(tensor.Span.ToArray(), Is.EqualTo(new float[] { 2, 3, 4, 5 }));
    }

    [Test]
    public void ASingleElementHasNoExtents()
    {
        using var foreign = new ForeignTensor(layout, Data);
        foreign.Tensor.Shape = null;
        using DLPackCapsule capsule = foreign.Capsule();
        using HostTensor<float> tensor = capsule.ImportHost<float>();

        Assert.That(tensor.Length, Is.EqualTo(1));
    }

    [Test]
    public void AnEmptyTensorHasNoData()
    {
        using ForeignTensor foreign = new ForeignTensor(layout, 0, 0, long.MaxValue).WithStrides(3, 3);
        using DLPackCapsule capsule = foreign.Capsule();
        using HostTensor<float> tensor = capsule.ImportHost<float>();

        Assert.That(tensor.Span.IsEmpty);
    }

    [Test]
    public void PinnedHostMemoryIsHostMemory()
    {
        using var foreign = new ForeignTensor(layout, Data, 6);
        foreign.Tensor.Device.DeviceType = (int)DLPackDevice.CudaHost;
        using DLPackCapsule capsule = foreign.Capsule();

        Assert.That(() => capsule.ImportHost<float>().Dispose(), Throws.Nothing);
    }

    [Test]
    public void EveryElementTypeCrossesAndComesBack()
    {
        AssertRoundTrip<float>("float32", 1.5f, -2);
        AssertRoundTrip<Half>("float16", (Half)1.5, (Half)(-2));
        AssertRoundTrip<BFloat16>("bfloat16", BFloat16.FromSingle(1.5f), BFloat16.FromSingle(-2));
        AssertRoundTrip<long>("int64", long.MinValue, 7);
        AssertRoundTrip<byte>("uint8", 0, 255);
    }

    [Test]
    public void AnExportedTensorIsWhatTheSpecificationSays()
    {
        float[] values = [0, 1, 2, 3, 4, 5];
        using DLPackCapsule capsule = DLPackCapsule.Export<float>(values, [3, 1, 2], layout);
        nint pointer = capsule.Consume();
        try
        {
            // Read by offsets of dlpack.h on a 64-bit machine, not by our structs.
            byte* tensor = (byte*)pointer + (layout == DLPackLayout.Versioned ? 32 : 0);
            Assert.That((*(int*)(tensor + 8), *(int*)(tensor + 12)), Is.EqualTo((1, 0)), "kDLCPU 0");
            Assert.That(*(int*)(tensor + 16), Is.EqualTo(3), "ndim");
            Assert.That((tensor[20], tensor[21], *(ushort*)(tensor + 22)), Is.EqualTo(((byte)2, (byte)32, (ushort)1)), "float32");
            Assert.That(new Span<long>(*(void**)(tensor + 24), 3).ToArray(), Is.EqualTo(new long[] { 3, 1, 2 }), "shape");
            Assert.That(new Span<long>(*(void**)(tensor + 32), 3).ToArray(), Is.EqualTo(new long[] { 2, 2, 1 }), "strides");
            Assert.That(*(ulong*)(tensor + 40), Is.Zero, "byte_offset");
            Assert.That(new Span<float>(*(void**)tensor, 6).ToArray(), Is.EqualTo(values));
            if (layout == DLPackLayout.Versioned)
            {
                Assert.That((*(uint*)pointer, *(ulong*)(pointer + 24)), Is.EqualTo((1u, 0ul)), "major version and flags");
            }
        }
        finally
        {
            DLPackHandle.Delete(pointer, layout);
        }
    }

    [Test]
    public void ExportedMemoryStaysUntilTheConsumerIsDone()
    {
        (nint pointer, WeakReference values) = ExportAndForget(layout);
        Collect();
        Assert.That(values.IsAlive);

        DLPackHandle.Delete(pointer, layout);
        Collect();

        Assert.That(values.IsAlive, Is.False);
    }

    private static void AssertRoundTrip<T>(string name, params T[] values)
        where T : unmanaged
    {
        using DLPackCapsule exported = DLPackCapsule.Export<T>(values, [values.Length]);
        using DLPackCapsule received = DLPackCapsule.FromPointer(exported.Consume(), exported.Layout);
        using HostTensor<T> tensor = received.ImportHost<T>();

        Assert.That(received.ElementType, Is.EqualTo(name));
        Assert.That(tensor.Span.ToArray(), Is.EqualTo(values));
        tensor.WritableSpan[0] = values[1];
        Assert.That(values[0], Is.EqualTo(values[1]), "the same memory");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ImportAndForget(ForeignTensor foreign) => foreign.Capsule().ImportHost<float>();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (nint Pointer, WeakReference Values) ExportAndForget(DLPackLayout layout)
    {
        var values = new float[3];
        return (DLPackCapsule.Export<float>(values, [3], layout).Consume(), new WeakReference(values));
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}

#nullable disable warnings // Fields are set by SetUp.

using System.Diagnostics;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Streams, tensors, plans and graphs through the public device API, over the library with emulated kernels.</summary>
public sealed class DeviceTests
{
    private const int Parts = 3;
    private const int Rows = 5;
    private const int Width = 40;

    private static readonly float[] Outputs = [.. Enumerable.Range(0, Parts * Rows * Width).Select(i => MathF.Sin(i))];

    private static readonly float[] LogSumExps = [.. Enumerable.Range(0, Parts * Rows).Select(i => MathF.Cos(i))];

    private NativeDevice _device;
    private DeviceStream _stream;
    private NativeMergeStatesPlan _plan;
    private DeviceTensor<float> _outputs;
    private DeviceTensor<float> _logSumExps;
    private DeviceTensor<float> _output;
    private DeviceTensor<float> _logSumExp;

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(DeviceTests));

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
        _plan = NativeMergeStatesPlan.Create(_device, Parts, Rows, Width);
        _outputs = _device.Upload<float>(Outputs, _stream);
        _logSumExps = _device.Upload<float>(LogSumExps, _stream);
        _output = _device.Allocate<float>(Rows * Width);
        _logSumExp = _device.Allocate<float>(Rows);
    }

    [TearDown]
    public void Close()
    {
        // The device first: everything else keeps it open.
        _device.Dispose();
        _plan.Dispose();
        _outputs.Dispose();
        _logSumExps.Dispose();
        _output.Dispose();
        _logSumExp.Dispose();
        _stream.Dispose();
    }

    [Test]
    public void ARunGivesWhatTheReferenceGives()
    {
        Run(_stream, _output);

        AssertMerged(_output, _stream);
    }

    [Test]
    public void ARunAllocatesNothing()
    {
        for (int i = 0; i < 50; i++)
        {
            Run(_stream, _output);
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Run(_stream, _output);
        }
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void ARunWithoutRowsCostsTheHostAFewMicroseconds()
    {
        // No rows, no launch: what is left is the cost of the arguments, of the call and of the native checks.
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 2, 0, 64);
        DeviceSlice<float> none = default;
        void Call() => plan.Forward(_stream, none, none, none, none);
        for (int i = 0; i < 20_000; i++)
        {
            Call();
        }
        double best = double.MaxValue;
        for (int round = 0; round < 20; round++)
        {
            var clock = Stopwatch.StartNew();
            for (int i = 0; i < 1000; i++)
            {
                Call();
            }
            best = Math.Min(best, clock.Elapsed.TotalMicroseconds / 1000);
        }
        TestContext.Out.WriteLine($"{best:F2} microseconds a run");
        Assert.That(best, Is.LessThan(3));
    }

    [Test]
    public void AGraphReplaysItsRunsOnWhatTheTensorsHoldThen()
    {
        _stream.BeginCapture();
        Run(_stream, _output);
        using DeviceGraph graph = _stream.EndCapture();

        _outputs.Clear(_stream);
        graph.Launch(_stream);
        Assert.That(Download(_output, _stream), Is.All.Zero);
        _outputs.CopyFrom(Outputs, _stream);
        graph.Launch(_stream);

        AssertMerged(_output, _stream);
    }

    [Test]
    public void AGraphKeepsWhatItUsesAlive()
    {
        float[] zeros = new float[Rows * Width];
        using DeviceTensor<float> result = _device.Upload<float>(zeros, _stream);
        _stream.BeginCapture();
        Run(_stream, result);
        using DeviceGraph graph = _stream.EndCapture();
        _plan.Dispose();
        _outputs.Dispose();
        _logSumExps.Dispose();
        _logSumExp.Dispose();

        graph.Launch(_stream);

        AssertMerged(result, _stream);
    }

    [Test]
    public void EndingACaptureThatNeverBeganIsRefusedAndTheStreamGoesOn()
    {
        Assert.That(() => _stream.EndCapture(), Throws.InstanceOf<LongSeqNativeException>());

        Run(_stream, _output);
        AssertMerged(_output, _stream);
    }

    [Test]
    public void PinnedBuffersAndEventsOrderTwoStreams()
    {
        using DeviceStream second = _device.CreateStream();
        using DeviceEvent uploaded = _device.CreateEvent();
        using PinnedBuffer<float> source = _device.AllocatePinned<float>(Outputs.Length);
        using PinnedBuffer<float> result = _device.AllocatePinned<float>(Rows * Width);
        Outputs.CopyTo(source.Span);
        _outputs.Clear(_stream);

        _outputs.CopyFrom(source, _stream);
        uploaded.Record(_stream);
        second.Wait(uploaded);
        Run(second, _output);
        _output.CopyTo(result, second);
        second.Synchronize();

        Assert.That(result.Span.ToArray(), Is.EqualTo(Expected()).Within(1e-5f));
    }

    [Test]
    public void EventsMeasureTime()
    {
        using DeviceEvent start = _device.CreateEvent();
        using DeviceEvent end = _device.CreateEvent();
        start.Record(_stream);
        Run(_stream, _output);
        end.Record(_stream);
        end.Synchronize();

        Assert.That(start.ElapsedTo(end), Is.GreaterThanOrEqualTo(TimeSpan.Zero));
    }

    [Test]
    public void AStreamOfAnotherLibraryIsWrapped()
    {
        using DeviceStream wrapped = _device.WrapStream(_stream.CudaStream);

        Assert.That(wrapped.CudaStream, Is.EqualTo(_stream.CudaStream));
        Run(wrapped, _output);
        AssertMerged(_output, wrapped);
    }

    [Test]
    public void MemoryOfAnotherLibraryIsUsedByItsPointer()
    {
        _plan.Forward(_stream, DeviceSlice<float>.FromPointer(_outputs.Pointer, _outputs.Length), _logSumExps, _output, _logSumExp);

        AssertMerged(_output, _stream);
    }

    [Test]
    public void TwoThreadsRunOnePlan()
    {
        float[][] results = new float[2][];
        Exception failure = null;
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(mine => new Thread(() =>
        {
            try
            {
                using DeviceStream stream = _device.CreateStream();
                using DeviceTensor<float> output = _device.Allocate<float>(Rows * Width);
                using DeviceTensor<float> logSumExp = _device.Allocate<float>(Rows);
                for (int i = 0; i < 50; i++)
                {
                    _plan.Forward(stream, _outputs, _logSumExps, output, logSumExp);
                }
                results[mine] = Download(output, stream);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.That(failure, Is.Null);
        Assert.That(results[0], Is.EqualTo(results[1]).And.EqualTo(Expected()).Within(1e-5f));
    }

    [Test]
    public void ACollectorThatNeverRestsTakesNothingThatIsInUse()
    {
        using var collector = new RestlessCollector();
        float[] expected = Expected();
        for (int i = 0; i < 100; i++)
        {
            // Nothing is kept in a local, nothing is disposed: finalizers do all of it, in any order.
            Assert.That(RunAndAbandon(), Is.EqualTo(expected).Within(1e-5f));
        }
    }

    private static float[] RunAndAbandon()
    {
        NativeDevice device = NativeDevice.OpenAny(0);
        DeviceStream stream = device.CreateStream();
        DeviceTensor<float> output = device.Allocate<float>(Rows * Width);
        NativeMergeStatesPlan.Create(device, Parts, Rows, Width).Forward(
            stream, device.Upload<float>(Outputs, stream), device.Upload<float>(LogSumExps, stream), output, device.Allocate<float>(Rows));
        return Download(output, stream);
    }

    private void Run(DeviceStream stream, DeviceTensor<float> output) => _plan.Forward(stream, _outputs, _logSumExps, output, _logSumExp);

    private static float[] Download(DeviceTensor<float> tensor, DeviceStream stream)
    {
        var values = new float[tensor.Length];
        tensor.CopyTo(values.AsSpan(), stream);
        return values;
    }

    private static void AssertMerged(DeviceTensor<float> output, DeviceStream stream) => Assert.That(Download(output, stream), Is.EqualTo(Expected()).Within(1e-5f));

    private static float[] Expected()
    {
        using LongSeqContext reference = LongSeqContext.Create(Backend.Reference);
        var output = new float[Rows * Width];
        MergeStates.Forward(reference, Rows, Width, Outputs, LogSumExps, output, new float[Rows]);
        return output;
    }
}

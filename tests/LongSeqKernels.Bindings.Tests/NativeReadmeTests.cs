using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The example of Native/README.md over the emulated kernels; what it computes is what the managed backend computes.</summary>
public sealed class NativeReadmeTests
{
    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(NativeReadmeTests));

    [Test]
    public void TensorsStayOnTheDevice()
    {
        var shape = new CrossAttentionShape { History = JaggedLayout.FromLengths(70, 0, 5), Targets = JaggedLayout.FromLengths(3, 1, 2), Heads = 2, HeadWidth = 16 };
        var random = new Random(1);
        float[] Rows(long rows) => [.. Enumerable.Range(0, (int)rows * 2 * 16).Select(_ => random.NextSingle() - 0.5f)];
        (float[] hostQueries, float[] hostKeys, float[] hostValues) = (Rows(shape.Targets.Total), Rows(shape.History.Total), Rows(shape.History.Total));
        var result = new float[hostQueries.Length];
        using LongSeqContext context = LongSeqContext.Create(NativeKernels.CreateAny(), Backend.Native);

        // <example>
        NativeDevice device = NativeDevice.Of(context);                                     // of a context on Backend.Native
        using DeviceStream stream = device.CreateStream();
        using DeviceTensor<float> queries = device.Upload<float>(hostQueries, stream);
        using DeviceTensor<float> keys = device.Upload<float>(hostKeys, stream);
        using DeviceTensor<float> values = device.Upload<float>(hostValues, stream);
        using DeviceTensor<float> output = device.Allocate<float>(queries.Length);

        using var plan = NativeCrossAttentionPlan<float, float>.Create(device, shape);      // once per batch shape
        using DeviceWorkspace workspace = plan.AllocateWorkspace();
        plan.Forward(stream, queries, keys, values, output, workspace: workspace);          // enqueued; other layers follow
        output.CopyTo(result, stream);                                                      // waits
        // </example>

        var expected = new float[result.Length];
        using LongSeqContext managed = LongSeqContext.Create(Backend.Managed);
        CrossAttention.Forward<float>(CrossAttention.Plan(managed, shape), hostQueries, hostKeys, hostValues, expected);
        Assert.That(result, Is.EqualTo(expected).Within(1e-5));
    }
}

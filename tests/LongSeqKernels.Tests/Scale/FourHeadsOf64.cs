using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// One target of four heads of 64, which AVX-512 reads by a kernel of its own: the error of long fp32 sums, against the fp64 reference. 100,000 events are two runs of keys;
/// a million would take 2 GB.
/// </summary>
[TestFixtureSource(nameof(Backends))]
public sealed class FourHeadsOf64(string backend)
{
    private const int Events = 100_000;
    private const int Heads = 4;
    private const int HeadWidth = 64;
    private const double AllowedError = 1e-5;

    private static readonly Lazy<float[]> Keys = new(() => Samples.Normal(2, Events * Heads * HeadWidth));
    private static readonly Lazy<float[]> Values = new(() => Samples.Normal(3, Events * Heads * HeadWidth));
    private static readonly Expected<(float[] Output, float[] LogSumExp)> References = new();

    private static IEnumerable<string> Backends => BackendRegistry.Present.Where(name => name.StartsWith("managed", StringComparison.Ordinal));

    /// <summary>Weights that are nearly equal, and weights that all but pick one event.</summary>
    [Test]
    public void OneTargetStaysExact([Values(0.1, 1, 30)] double deviation)
    {
        (float[] expectedOutput, float[] expectedLogSumExp) = References.Of($"{deviation}", () => Attend(BackendRegistry.Reference, deviation));

        (float[] output, float[] logSumExp) = Attend(BackendRegistry.Context(backend), deviation);

        double error = Tolerance.RelativeError(output, expectedOutput);
        TestContext.Out.WriteLine($"relative error {error:E1}");
        Assert.That(error, Is.LessThanOrEqualTo(AllowedError));
        Assert.That(Tolerance.RelativeError(logSumExp, expectedLogSumExp), Is.LessThanOrEqualTo(AllowedError));
    }

    private static (float[] Output, float[] LogSumExp) Attend(LongSeqContext context, double deviation)
    {
        var shape = new CrossAttentionShape { Targets = JaggedLayout.FromLengths(1), History = JaggedLayout.FromLengths(Events), Heads = Heads, HeadWidth = HeadWidth };
        var output = new float[Heads * HeadWidth];
        var logSumExp = new float[Heads];
        CrossAttention.Forward(CrossAttention.Plan(context, shape), Samples.Normal(1, output.Length, deviation), Keys.Value, Values.Value, output, logSumExp);
        return (output, logSumExp);
    }
}

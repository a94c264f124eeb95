using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class MergeStatesParity(string backend)
{
    /// <summary>One exp and a short sum in fp32.</summary>
    private const double AllowedError = 2e-6;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<TestCaseData> Cases =>
        from shape in new (int Parts, int Rows, int Width)[]
        {
            (1, 5, 32), (2, 1, 1), (2, 9, 7), (3, 65, 20), (7, 128, 40), (64, 3, 64), (5, 63, 256), (2, 0, 8), (200, 2, 33),
        }
        from deviation in new[] { 1.0, 50.0 }
        select new TestCaseData(States.Of(shape.Parts, shape.Rows, shape.Width, deviation))
            .SetArgDisplayNames($"{shape.Parts} parts of {shape.Rows}x{shape.Width}", $"LSE deviation {deviation}");

    [TestCaseSource(nameof(Cases))]
    public void ForwardMatchesTheReference(object states)
    {
        var data = (States)states;
        (float[] referenceOutput, float[] referenceLogSumExp) = Forward(BackendRegistry.Reference, data);

        (float[] output, float[] logSumExp) = Forward(Context, data);

        AssertClose("output", output, referenceOutput, AllowedError);
        AssertClose("logSumExp", logSumExp, referenceLogSumExp, AllowedError);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(object states)
    {
        var data = (States)states;
        foreach (float[] logSumExpGradient in new[] { data.LogSumExpGradient, [] })
        {
            (float[] referenceOutputs, float[] referenceLogSumExps) = Backward(BackendRegistry.Reference, data, logSumExpGradient);

            (float[] outputs, float[] logSumExps) = Backward(Context, data, logSumExpGradient);

            AssertClose("outputGradients", outputs, referenceOutputs, AllowedError);
            AssertClose("logSumExpGradients", logSumExps, referenceLogSumExps, AllowedError * Math.Sqrt(data.Width));
        }
    }

    [Test]
    public void AnEmptyPartIsTheIdentity()
    {
        States state = States.Of(1, 6, 33, 1) with { };
        States withEmpty = state with
        {
            Parts = 3,
            Outputs = [.. new float[6 * 33], .. state.Outputs, .. new float[6 * 33]],
            LogSumExps = [.. Enumerable.Repeat(float.NegativeInfinity, 6), .. state.LogSumExps, .. Enumerable.Repeat(float.NegativeInfinity, 6)],
        };

        (float[] output, float[] logSumExp) = Forward(Context, withEmpty);

        AssertSameBits(output, state.Outputs, "output");
        AssertSameBits(logSumExp, state.LogSumExps, "logSumExp");
    }

    [Test]
    public void PartsThatAreAllEmptyGiveAnEmptyState()
    {
        States empty = States.Of(4, 3, 17, 1) with { Outputs = new float[4 * 3 * 17], LogSumExps = [.. Enumerable.Repeat(float.NegativeInfinity, 12)] };

        (float[] output, float[] logSumExp) = Forward(Context, empty);
        (float[] outputGradients, float[] logSumExpGradients) = Backward(Context, empty, empty.LogSumExpGradient);

        Assert.That(output, Is.All.Zero);
        Assert.That(logSumExp, Is.All.EqualTo(float.NegativeInfinity));
        Assert.That(outputGradients, Is.All.Zero);
        Assert.That(logSumExpGradients, Is.All.Zero);
    }

    [Test]
    public void LargeLogSumExpsDoNotOverflow([Values(-1e4f, 1e4f, 1e30f)] float level)
    {
        States states = States.Of(3, 2, 8, 1) with { LogSumExps = [level, level, level, level, level, level] };

        (float[] output, float[] logSumExp) = Forward(Context, states);

        AssertFinite("output", output);
        AssertClose("logSumExp", logSumExp, [level + MathF.Log(3), level + MathF.Log(3)], AllowedError);
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        States states = States.Of(37, 65, 40, 3);
        (float[] output, float[] logSumExp) = Forward(Context, states);
        for (int run = 0; run < 3; run++)
        {
            (float[] again, float[] logSumExpAgain) = Forward(Context, states);
            AssertSameBits(again, output, "output");
            AssertSameBits(logSumExpAgain, logSumExp, "logSumExp");
        }
    }

    private static (float[] Output, float[] LogSumExp) Forward(LongSeqContext context, States states)
    {
        GuardedBuffer<float> output = GuardedBuffer<float>.Output(states.Rows * states.Width);
        GuardedBuffer<float> logSumExp = GuardedBuffer<float>.Output(states.Rows);
        MergeStates.Forward(
            context,
            states.Rows,
            states.Width,
            GuardedBuffer<float>.Of(states.Outputs).Span,
            GuardedBuffer<float>.Of(states.LogSumExps).Span,
            output.Span,
            logSumExp.Span);
        output.AssertGuardIntact("output");
        logSumExp.AssertGuardIntact("logSumExp");
        return (output.ToArray(), logSumExp.ToArray());
    }

    private static (float[] Outputs, float[] LogSumExps) Backward(LongSeqContext context, States states, float[] logSumExpGradient)
    {
        GuardedBuffer<float> outputs = GuardedBuffer<float>.Output(states.Outputs.Length);
        GuardedBuffer<float> logSumExps = GuardedBuffer<float>.Output(states.LogSumExps.Length);
        MergeStates.Backward(
            context,
            states.Rows,
            states.Width,
            GuardedBuffer<float>.Of(states.Outputs).Span,
            GuardedBuffer<float>.Of(states.LogSumExps).Span,
            GuardedBuffer<float>.Of(states.OutputGradient).Span,
            GuardedBuffer<float>.Of(logSumExpGradient).Span,
            outputs.Span,
            logSumExps.Span);
        outputs.AssertGuardIntact("outputGradients");
        logSumExps.AssertGuardIntact("logSumExpGradients");
        return (outputs.ToArray(), logSumExps.ToArray());
    }

    private sealed record States(int Parts, int Rows, int Width)
    {
        public required float[] Outputs { get; init; }

        public required float[] LogSumExps { get; init; }

        public required float[] OutputGradient { get; init; }

        public required float[] LogSumExpGradient { get; init; }

        /// <summary>Every fifth state is empty.</summary>
        public static States Of(int parts, int rows, int width, double deviation)
        {
            float[] outputs = Normal(1, (long)parts * rows * width);
            float[] logSumExps = Normal(2, (long)parts * rows, deviation);
            for (int state = 3; state < logSumExps.Length; state += 5)
            {
                logSumExps[state] = float.NegativeInfinity;
                outputs.AsSpan(state * width, width).Clear();
            }
            return new States(parts, rows, width)
            {
                Outputs = outputs,
                LogSumExps = logSumExps,
                OutputGradient = Normal(3, (long)rows * width),
                LogSumExpGradient = Normal(4, rows),
            };
        }
    }
}

using NUnit.Framework;
using static LongSeqKernels.Tests.RandomShapes;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

/// <summary>The algebra of attention, on random ragged shapes.</summary>
[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.Backends))]
public sealed class AttentionProperties(string backend)
{
    /// <summary>Two ways to the same number in fp32.</summary>
    private const double AllowedError = 1e-5;

    private LongSeqContext Context => BackendRegistry.Context(backend);

    [Test]
    public void ForwardAndBackwardMatchTheReference() => ForAll(Attention, c =>
    {
        CrossAttentionData<float> data = CrossAttentionData<float>.Of(c);
        CrossAttentionNaive<float> naive = new(data);
        CrossAttentionResult<float> reference = CrossAttentionRun.Forward(BackendRegistry.Reference, data);
        CrossAttentionGradientResult<float> referenceGradient = CrossAttentionRun.Backward(BackendRegistry.Reference, data, reference);
        CrossAttentionGradientResult<float> naiveGradient = naive.Backward(data.OutputGradient, data.LogSumExpGradient);

        CrossAttentionResult<float> actual = CrossAttentionRun.Forward(Context, data);
        CrossAttentionGradientResult<float> gradient = CrossAttentionRun.Backward(Context, data, actual);

        AssertFlashRule<float>("output", actual.Output, naive.Output, reference.Output, AllowedError);
        AssertClose("logSumExp", actual.LogSumExp, reference.LogSumExp, AllowedError);
        AssertFlashRule<float>("queryGradient", gradient.Queries, naiveGradient.Queries, referenceGradient.Queries, AllowedError);
        AssertFlashRule<float>("keyGradient", gradient.Keys, naiveGradient.Keys, referenceGradient.Keys, AllowedError);
        AssertFlashRule<float>("valueGradient", gradient.Values, naiveGradient.Values, referenceGradient.Values, AllowedError);
        AssertFlashRule<float>("keyBiasGradient", gradient.KeyBias, naiveGradient.KeyBias, referenceGradient.KeyBias, AllowedError);
    });

    [Test]
    public void MergingThePartsOfAHistoryGivesTheWhole() => ForAll(Partition, lengths =>
    {
        JaggedLayout parts = JaggedLayout.FromLengths(lengths);
        CrossAttentionCase whole = new("whole", new CrossAttentionShape
        {
            Targets = JaggedLayout.FromLengths(5),
            History = JaggedLayout.FromLengths(parts.Total),
            Heads = 4,
            KeyValueHeads = 2,
            HeadWidth = 20,
        })
        { Bias = CaseBias.Normal };
        CrossAttentionData<float> data = CrossAttentionData<float>.Of(whole);
        CrossAttentionResult<float> expected = CrossAttentionRun.ForwardState(Context, data);

        CrossAttentionResult<float>[] states = [.. Enumerable.Range(0, parts.Count).Select(part => CrossAttentionRun.ForwardState(Context, data with
        {
            Case = whole with { Shape = whole.Shape with { History = JaggedLayout.FromLengths(parts.Length(part)) } },
            Keys = Segment(data.Keys, parts, part),
            Values = Segment(data.Values, parts, part),
            KeyBias = Segment(data.KeyBias, parts, part),
        }))];
        var output = new float[expected.Output.Length];
        var logSumExp = new float[expected.LogSumExp.Length];
        MergeStates.Forward(
            Context, logSumExp.Length, 20, [.. states.SelectMany(s => s.Output)], [.. states.SelectMany(s => s.LogSumExp)], output, logSumExp);

        AssertClose("output", output, expected.Output, AllowedError);
        AssertClose("logSumExp", logSumExp, expected.LogSumExp, AllowedError);
    });

    [Test]
    public void ReversingTheSegmentsReversesTheResults() => ForAll(Attention, c =>
    {
        CrossAttentionShape shape = c.Shape with { HistoryLimits = default };
        CrossAttentionData<float> data = CrossAttentionData<float>.Of(c with { Shape = shape });
        CrossAttentionData<float> reversed = data with
        {
            Case = c with { Shape = shape with { Targets = Reversed(shape.Targets), History = Reversed(shape.History) } },
            Queries = ReverseSegments(data.Queries, shape.Targets),
            Keys = ReverseSegments(data.Keys, shape.History),
            Values = ReverseSegments(data.Values, shape.History),
            KeyBias = ReverseSegments(data.KeyBias, shape.History),
        };

        CrossAttentionResult<float> expected = CrossAttentionRun.Forward(Context, data);
        CrossAttentionResult<float> actual = CrossAttentionRun.Forward(Context, reversed);

        AssertClose("output", actual.Output, ReverseSegments(expected.Output, shape.Targets), AllowedError);
        AssertClose("logSumExp", actual.LogSumExp, ReverseSegments(expected.LogSumExp, shape.Targets), AllowedError);
    });

    [Test]
    public void AppendingEventsGivesTheStateOfTheWholeHistory() => ForAll(Partition, lengths =>
    {
        JaggedLayout parts = JaggedLayout.FromLengths(lengths);
        LinearAttentionCase whole = new("whole", new LinearAttentionShape(2, 7, 9)) { History = [parts.Total], Rows = [0] };
        LinearAttentionData<float> data = LinearAttentionData<float>.Of(whole);

        float[] state = data.StateBefore;
        for (int part = 0; part < parts.Count; part++)
        {
            state = LinearAttentionRun.AddToState(Context, data with
            {
                Case = whole with { History = [parts.Length(part)] },
                Keys = Segment(data.Keys, parts, part),
                Values = Segment(data.Values, parts, part),
                StateBefore = state,
            });
        }

        // Elements of a sum that cancels are as exact as its terms are large.
        float[] expected = LinearAttentionRun.AddToState(Context, data);
        AssertClose("state", state, expected, AllowedError * Math.Max(1, expected.Max(Math.Abs)));
    });

    private static JaggedLayout Reversed(JaggedLayout layout) =>
        JaggedLayout.FromLengths([.. Enumerable.Range(0, layout.Count).Reverse().Select(layout.Length)]);

    private static float[] ReverseSegments(float[] values, JaggedLayout layout) =>
        [.. Enumerable.Range(0, layout.Count).Reverse().SelectMany(segment => Segment(values, layout, segment))];
}

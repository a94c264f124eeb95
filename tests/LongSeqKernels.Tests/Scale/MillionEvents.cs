using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// Histories of a million events on the SIMD backends: the error of long fp32 sums, against the fp64 reference. (The portable backend and the
/// reference are for tests of small shapes.)
/// </summary>
[TestFixtureSource(nameof(Backends))]
public sealed class MillionEvents(string backend)
{
    private const int Events = 1_000_000;
    private const int Targets = 16;
    private const int Width = 32;
    private const double AllowedError = 1e-5;

    private static readonly Lazy<float[]> Keys = new(() => Samples.Normal(2, Events * Width));
    private static readonly Lazy<float[]> Values = new(() => Samples.Normal(3, Events * Width));
    private static readonly Expected<CrossAttentionResult<float>> References = new();
    private static readonly Expected<CrossAttentionGradientResult<float>> GradientReferences = new();

    private static IEnumerable<string> Backends => BackendRegistry.Present.Where(name => name.StartsWith("managed", StringComparison.Ordinal));

    private LongSeqContext Context => BackendRegistry.Context(backend);

    /// <summary>The deviation of the queries: 0.1 gives weights that are nearly equal, 30 weights that all but pick one event.</summary>
    private static IEnumerable<double> Deviations => [0.1, 1, 30];

    [Test]
    public void CrossAttentionStaysExact(
        [ValueSource(nameof(Deviations))] double deviation, [Values(1, Targets)] int targets, [Values] HistoryForm form)
    {
        CrossAttentionResult<float> expected = Reference(deviation, form, keys => keys);
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape(targets, form), Options);
        var output = new float[targets * Width];
        var logSumExp = new float[targets];

        CrossAttention.Forward(
            plan, Queries(deviation).AsSpan(0, targets * Width), Keys.Value, form == HistoryForm.Shared ? [] : Values.Value, output, logSumExp);

        double error = Tolerance.RelativeError(output, expected.Output.AsSpan(0, targets * Width));
        TestContext.Out.WriteLine($"relative error {error:E1}");
        Assert.That(error, Is.LessThanOrEqualTo(AllowedError));
        Assert.That(Tolerance.RelativeError(logSumExp, expected.LogSumExp.AsSpan(0, targets)), Is.LessThanOrEqualTo(AllowedError));
    }

    /// <summary>One target goes through the kernel for few rows. The history is as long for the sum over keys as for the number of gradients that come out.</summary>
    [Test]
    public void BackwardStaysExact([Values(1, Targets)] int targets)
    {
        CrossAttentionGradientResult<float> expected = GradientReferences.Of($"{targets}", () => Gradients(BackendRegistry.Reference, targets));

        CrossAttentionGradientResult<float> actual = Gradients(Context, targets);

        double queries = Tolerance.RelativeError(actual.Queries, expected.Queries);
        double keys = Tolerance.RelativeError(actual.Keys, expected.Keys);
        double values = Tolerance.RelativeError(actual.Values, expected.Values);
        TestContext.Out.WriteLine($"relative errors: queries {queries:E1}, keys {keys:E1}, values {values:E1}");
        Assert.That(queries, Is.LessThanOrEqualTo(AllowedError), "queries");
        Assert.That(keys, Is.LessThanOrEqualTo(AllowedError), "keys");
        Assert.That(values, Is.LessThanOrEqualTo(AllowedError), "values");
    }

    /// <summary>
    /// Given a row's LSE and output, the gradients of an event depend on nothing but the event. Those of a long history leave past the caches, those of a short
    /// one do not.
    /// </summary>
    [TestCase(typeof(float))]
    [TestCase(typeof(BFloat16))]
    [TestCase(typeof(Half))]
    public void GradientsOfEventsAreThoseOfAShortHistory(Type element)
    {
        if (element == typeof(float))
        {
            AssertSameGradientsOfLastEvents<float>();
        }
        else if (element == typeof(BFloat16))
        {
            AssertSameGradientsOfLastEvents<BFloat16>();
        }
        else
        {
            AssertSameGradientsOfLastEvents<Half>();
        }
    }

    private void AssertSameGradientsOfLastEvents<T>()
        where T : unmanaged
    {
        const int First = 299_008; // a whole number of vectors of events
        const int End = 300_007;
        T[] queries = Samples.Narrow<T>(Queries(1).AsSpan(0, Width));
        T[] outputGradient = Samples.Narrow<T>(Samples.Normal(4, Width));
        T[] keys = Samples.Narrow<T>(Keys.Value.AsSpan(0, End * Width));
        T[] values = Samples.Narrow<T>(Values.Value.AsSpan(0, End * Width));
        var output = new T[Width];
        var logSumExp = new float[1];
        CrossAttentionPlan Plan(int events) => CrossAttention.Plan(Context, Shape(1, HistoryForm.Projected) with { History = JaggedLayout.FromLengths(events) }, Options);
        CrossAttention.Forward<T>(Plan(End), queries, keys, values, output, logSumExp);
        (T[] Keys, T[] Values) Gradients(int first)
        {
            var gradients = (Keys: new T[(End - first) * Width], Values: new T[(End - first) * Width]);
            CrossAttention.Backward<T>(
                Plan(End - first), queries, keys.AsSpan(first * Width), values.AsSpan(first * Width), output, logSumExp, outputGradient, default, gradients.Keys, gradients.Values);
            return gradients;
        }

        (T[] longKeys, T[] longValues) = Gradients(0);
        (T[] shortKeys, T[] shortValues) = Gradients(First);

        Tolerance.AssertSameBits(longKeys[(First * Width)..], shortKeys, "keyGradient");
        Tolerance.AssertSameBits(longValues[(First * Width)..], shortValues, "valueGradient");
    }

    private static CrossAttentionGradientResult<float> Gradients(LongSeqContext context, int targets)
    {
        CrossAttentionPlan plan = CrossAttention.Plan(context, Shape(targets, HistoryForm.Projected), Options);
        Span<float> queries = Queries(1).AsSpan(0, targets * Width);
        float[] outputGradient = Samples.Normal(4, targets * Width);
        var output = new float[targets * Width];
        var logSumExp = new float[targets];
        CrossAttention.Forward(plan, queries, Keys.Value, Values.Value, output, logSumExp);
        var gradients = new CrossAttentionGradientResult<float>(new float[output.Length], new float[Keys.Value.Length], new float[Values.Value.Length], []);
        CrossAttention.Backward(
            plan, queries, Keys.Value, Values.Value, output, logSumExp, outputGradient, gradients.Queries, gradients.Keys, gradients.Values);
        return gradients;
    }

    [Test]
    public void PartialStatesOfHalfPrecisionHistoriesStayExact([Values(1, Targets)] int targets)
    {
        BFloat16[] history = Samples.Narrow<BFloat16>(Keys.Value);
        CrossAttentionResult<float> expected = Reference(1, HistoryForm.Shared, Round);
        CrossAttentionPlan plan = CrossAttention.Plan(Context, Shape(targets, HistoryForm.Shared), Options);
        var output = new float[targets * Width];
        var logSumExp = new float[targets];

        CrossAttention.ForwardState(
            plan, Samples.Narrow<BFloat16>(Queries(1).AsSpan(0, targets * Width)), history, [], output, logSumExp);

        Assert.That(Tolerance.RelativeError(output, expected.Output.AsSpan(0, targets * Width)), Is.LessThanOrEqualTo(AllowedError));
    }

    [Test]
    public void SummaryPoolingStaysExact()
    {
        CrossAttentionResult<float> expected = Reference(1, HistoryForm.Projected, keys => keys);
        CrossAttentionPlan plan = SummaryPooling.Plan(Context, JaggedLayout.FromLengths(Events), Targets, 1, Width, options: Options);
        var output = new float[Targets * Width];

        CrossAttention.Forward(plan, Queries(1), Keys.Value, Values.Value, output);

        Assert.That(Tolerance.RelativeError(output, expected.Output), Is.LessThanOrEqualTo(AllowedError));
    }

    [Test]
    public void LinearAttentionStaysExact()
    {
        LinearAttentionShape shape = new(1, Width, Width);
        JaggedLayout history = JaggedLayout.FromLengths(Events);
        float[] State(LongSeqContext context)
        {
            var state = new float[shape.State];
            LinearAttention.AddToState(context, shape, new LinearAttentionOptions(), history, Keys.Value, Values.Value, state);
            return state;
        }
        float[] expected = States.Of("state", () => State(BackendRegistry.Reference));

        Assert.That(Tolerance.RelativeError(State(Context), expected), Is.LessThanOrEqualTo(AllowedError));
    }

    private static readonly Expected<float[]> States = new();

    private static CrossAttentionOptions Options => new() { Scale = 1 / MathF.Sqrt(Width) };

    private static float[] Queries(double deviation) => Samples.Normal(1, Targets * Width, deviation);

    private static CrossAttentionShape Shape(int targets, HistoryForm form) => new()
    {
        Targets = JaggedLayout.FromLengths(targets),
        History = JaggedLayout.FromLengths(Events),
        Heads = 1,
        HeadWidth = Width,
        Form = form,
    };

    private static CrossAttentionResult<float> Reference(double deviation, HistoryForm form, Func<float[], float[]> round) =>
        References.Of($"{deviation} {form} {round.Method.Name}", () =>
        {
            CrossAttentionPlan plan = CrossAttention.Plan(BackendRegistry.Reference, Shape(Targets, form), Options);
            var output = new float[Targets * Width];
            var logSumExp = new float[Targets];
            float[] values = form == HistoryForm.Shared ? [] : Values.Value;
            CrossAttention.Forward(plan, round(Queries(deviation)), round(Keys.Value), values, output, logSumExp);
            return new CrossAttentionResult<float>(output, logSumExp);
        });

    private static float[] Round(float[] values) => Samples.Widen(Samples.Narrow<BFloat16>(values));
}

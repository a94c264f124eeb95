using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class LinearAttentionParity<T>(string backend)
    where T : unmanaged
{
    /// <summary>
    /// A state is fp32 and summed in fp32, whatever the storage type of the history; tensor cores take an activated bf16 key as two numbers of its type,
    /// which keep 16 of its bits.
    /// </summary>
    private static readonly double StateError = typeof(T) == typeof(BFloat16) ? 8e-6 : 3e-6;

    private static readonly LinearAttentionShape Small = new(2, 16, 16);

    private static readonly Expected<Expectation> Expectations = new();

    private LongSeqContext Context => BackendRegistry.Context(backend);

    private static IEnumerable<LinearAttentionCase> Cases =>
        [
            .. from row in Enum.GetValues<LinearActivation>()
               from state in Enum.GetValues<LinearActivation>()
               from self in new[] { true, false }
               select new LinearAttentionCase($"{row}, {state}{(self ? ", self term" : "")}", Small)
                   { Options = new() { RowActivation = row, StateActivation = state, StateScale = 0.1f }, SelfTerm = self },
            .. from length in new[] { 1, 15, 16, 17, 63, 64, 65, 127, 128, 129 }
               select new LinearAttentionCase($"history of {length}", Small) { History = [length], Rows = [3] },
            .. from rows in new[] { 1, 3, 9, 63, 64, 65, 128 }
               select new LinearAttentionCase($"{rows} rows", Small) { History = [10], Rows = [rows], SelfTerm = true },
            .. from width in new[] { 1, 7, 8, 20, 32, 40, 64, 128 }
               select new LinearAttentionCase($"width {width}", new(2, width, width)) { SelfTerm = true },
            new("keys of 24, values of 40", new(3, 24, 40)) { SelfTerm = true },
            new("keys of 33, values of 7", new(1, 33, 7)) { SelfTerm = true },
            new("8 heads", new(8, 16, 16)) { SelfTerm = true },
            new("no segments", Small) { History = [], Rows = [] },
            new("empty histories", Small) { History = [0, 0], Rows = [2, 1] },
            new("Zipf", new(4, 32, 32)) { History = ZipfLengths(1, 10, 500), Rows = ZipfLengths(2, 10, 30), SelfTerm = true },
        ];

    [TestCaseSource(nameof(Cases))]
    public void AddToStateMatchesTheReference(LinearAttentionCase c)
    {
        Expectation expected = Expect(c);

        float[] actual = LinearAttentionRun.AddToState(Context, LinearAttentionData<T>.Of(c));

        AssertFlashRule<float>("state", actual, expected.NaiveState, expected.State, StateError);
    }

    [TestCaseSource(nameof(Cases))]
    public void ApplyMatchesTheReference(LinearAttentionCase c)
    {
        Expectation expected = Expect(c);

        T[] actual = LinearAttentionRun.Apply(Context, LinearAttentionData<T>.Of(c), expected.State);

        AssertFlashRule<T>("output", Widen(actual), expected.NaiveOutput, expected.Output);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(LinearAttentionCase c)
    {
        Expectation expected = Expect(c);
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(c);

        (T[] keys, T[] values) = LinearAttentionRun.AddToStateBackward(Context, data, StateGradient(c));
        LinearAttentionApplyGradients<T> actual = LinearAttentionRun.ApplyBackward(Context, data, expected.State);

        AssertFlashRule<T>("keyGradient", Widen(keys), expected.Naive.Keys, expected.Reference.Keys);
        AssertFlashRule<T>("valueGradient", Widen(values), expected.Naive.Values, expected.Reference.Values);
        LinearAttentionApplyGradients<float> reference = expected.Reference.Apply;
        LinearAttentionApplyGradients<float> naive = expected.Naive.Apply;
        AssertFlashRule<T>("queryGradient", Widen(actual.Queries), naive.Queries, reference.Queries);
        AssertFlashRule<T>("stateGradient", actual.State, naive.State, reference.State);
        AssertFlashRule<T>("selfKeyGradient", Widen(actual.SelfKeys), naive.SelfKeys, reference.SelfKeys);
        AssertFlashRule<T>("selfValueGradient", Widen(actual.SelfValues), naive.SelfValues, reference.SelfValues);
    }

    [Test]
    public void AnEmptyHistoryLeavesTheStateAsItIs()
    {
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(new("empty", Small) { History = [0, 0], Rows = [0, 0] });

        AssertSameBits(LinearAttentionRun.AddToState(Context, data), data.StateBefore, "state");
    }

    [Test]
    public void AppendedEventsGiveTheStateOfTheWholeHistory()
    {
        LinearAttentionData<T> whole = LinearAttentionData<T>.Of(new("whole", Small) { History = [200], Rows = [0] });
        JaggedLayout parts = JaggedLayout.FromLengths(137, 63);
        float[] expected = LinearAttentionRun.AddToState(Context, whole);

        float[] state = whole.StateBefore;
        for (int part = 0; part < 2; part++)
        {
            state = LinearAttentionRun.AddToState(Context, whole with
            {
                Case = whole.Case with { History = [parts.Length(part)] },
                Keys = Segment(whole.Keys, parts, part),
                Values = Segment(whole.Values, parts, part),
                StateBefore = state,
            });
        }

        Assert.That(RelativeError(state, expected), Is.LessThan(StateError));
    }

    [Test]
    public void NeighbouringSegmentsAreNeverRead()
    {
        LinearAttentionData<T> clean = LinearAttentionData<T>.Of(new("neighbours", Small) { History = [70, 61, 130], Rows = [4, 7, 3], SelfTerm = true });
        LinearAttentionData<T> poisoned = clean with
        {
            Keys = PoisonOutside(clean.Keys, clean.History, 1),
            Values = PoisonOutside(clean.Values, clean.History, 1),
            Queries = PoisonOutside(clean.Queries, clean.Rows, 1),
            SelfKeys = PoisonOutside(clean.SelfKeys, clean.Rows, 1),
            SelfValues = PoisonOutside(clean.SelfValues, clean.Rows, 1),
            OutputGradient = PoisonOutside(clean.OutputGradient, clean.Rows, 1),
        };
        JaggedLayout states = JaggedLayout.Uniform(3, 1);
        float[] expectedState = LinearAttentionRun.AddToState(Context, clean);
        float[] state = LinearAttentionRun.AddToState(Context, poisoned);
        AssertSameBits(Segment(state, states, 1), Segment(expectedState, states, 1), "state");

        T[] expectedOutput = LinearAttentionRun.Apply(Context, clean, expectedState);
        AssertSameBits(Segment(LinearAttentionRun.Apply(Context, poisoned, state), clean.Rows, 1), Segment(expectedOutput, clean.Rows, 1), "output");
        LinearAttentionApplyGradients<T> expected = LinearAttentionRun.ApplyBackward(Context, clean, expectedState);
        LinearAttentionApplyGradients<T> actual = LinearAttentionRun.ApplyBackward(Context, poisoned, state);
        AssertSameBits(Segment(actual.Queries, clean.Rows, 1), Segment(expected.Queries, clean.Rows, 1), "queryGradient");
        AssertSameBits(Segment(actual.State, states, 1), Segment(expected.State, states, 1), "stateGradient");
        AssertSameBits(Segment(actual.SelfKeys, clean.Rows, 1), Segment(expected.SelfKeys, clean.Rows, 1), "selfKeyGradient");
    }

    [Test]
    public void SameInputsGiveTheSameBits()
    {
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(new("long", new(2, 20, 24)) { History = [3000, 5, 700], Rows = [70, 2, 90], SelfTerm = true });
        float[] state = LinearAttentionRun.AddToState(Context, data);
        T[] output = LinearAttentionRun.Apply(Context, data, state);
        LinearAttentionApplyGradients<T> gradients = LinearAttentionRun.ApplyBackward(Context, data, state);
        (T[] keys, T[] values) = LinearAttentionRun.AddToStateBackward(Context, data, state);
        for (int run = 0; run < 3; run++)
        {
            AssertSameBits(LinearAttentionRun.AddToState(Context, data), state, "state");
            AssertSameBits(LinearAttentionRun.Apply(Context, data, state), output, "output");
            LinearAttentionApplyGradients<T> again = LinearAttentionRun.ApplyBackward(Context, data, state);
            AssertSameBits(again.Queries, gradients.Queries, "queryGradient");
            AssertSameBits(again.State, gradients.State, "stateGradient");
            AssertSameBits(again.SelfKeys, gradients.SelfKeys, "selfKeyGradient");
            AssertSameBits(again.SelfValues, gradients.SelfValues, "selfValueGradient");
            (T[] keysAgain, T[] valuesAgain) = LinearAttentionRun.AddToStateBackward(Context, data, state);
            AssertSameBits(keysAgain, keys, "keyGradient");
            AssertSameBits(valuesAgain, values, "valueGradient");
        }
    }

    private static float[] StateGradient(LinearAttentionCase c) => Normal(8, c.History.Length * c.Shape.State);

    private static Expectation Expect(LinearAttentionCase c) => Expectations.Of(c.Name, () =>
    {
        LinearAttentionData<float> data = LinearAttentionData<T>.Of(c).Widened();
        float[] state = LinearAttentionRun.AddToState(BackendRegistry.Reference, data);
        (float[] keys, float[] values) = LinearAttentionRun.AddToStateBackward(BackendRegistry.Reference, data, StateGradient(c));
        LinearAttentionNaive<T> naive = new(data, state);
        return new Expectation(
            state,
            new LinearAttentionNaive<float>(data, state).State.Values,
            LinearAttentionRun.Apply(BackendRegistry.Reference, data, state),
            naive.Output.Values,
            (keys, values, LinearAttentionRun.ApplyBackward(BackendRegistry.Reference, data, state)),
            naive.Backward(StateGradient(c)));
    });

    private sealed record Expectation(
        float[] State,
        float[] NaiveState,
        float[] Output,
        float[] NaiveOutput,
        (float[] Keys, float[] Values, LinearAttentionApplyGradients<float> Apply) Reference,
        (float[] Keys, float[] Values, LinearAttentionApplyGradients<float> Apply) Naive);
}

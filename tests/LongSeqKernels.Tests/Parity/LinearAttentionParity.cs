using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class LinearAttentionParity<T>(string backend)
    where T : unmanaged
{
    /// <summary>A state is fp32 and summed in fp32, whatever the storage type of the history.</summary>
    private const double StateError = 3e-6;

    private static readonly LinearAttentionShape Small = new(2, 16, 16);

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
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(c);
        float[] reference = LinearAttentionRun.AddToState(BackendRegistry.Reference, data.Widened());
        float[] naive = new LinearAttentionNaive<float>(data.Widened(), data.StateBefore).State.Values;

        float[] actual = LinearAttentionRun.AddToState(Context, data);

        AssertFlashRule<float>("state", actual, naive, reference, StateError);
    }

    [TestCaseSource(nameof(Cases))]
    public void ApplyMatchesTheReference(LinearAttentionCase c)
    {
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(c);
        float[] state = LinearAttentionRun.AddToState(BackendRegistry.Reference, data);
        float[] reference = LinearAttentionRun.Apply(BackendRegistry.Reference, data.Widened(), state);

        T[] actual = LinearAttentionRun.Apply(Context, data, state);

        AssertFlashRule<T>("output", Widen(actual), new LinearAttentionNaive<T>(data.Widened(), state).Output.Values, reference);
    }

    [TestCaseSource(nameof(Cases))]
    public void BackwardMatchesTheReference(LinearAttentionCase c)
    {
        LinearAttentionData<T> data = LinearAttentionData<T>.Of(c);
        float[] state = LinearAttentionRun.AddToState(BackendRegistry.Reference, data);
        float[] stateGradient = Normal(8, state.Length);
        (float[] Keys, float[] Values) reference = LinearAttentionRun.AddToStateBackward(BackendRegistry.Reference, data.Widened(), stateGradient);
        LinearAttentionApplyGradients<float> applied = LinearAttentionRun.ApplyBackward(BackendRegistry.Reference, data.Widened(), state);
        (float[] naiveKeys, float[] naiveValues, LinearAttentionApplyGradients<float> naive) =
            new LinearAttentionNaive<T>(data.Widened(), state).Backward(stateGradient);

        (T[] keys, T[] values) = LinearAttentionRun.AddToStateBackward(Context, data, stateGradient);
        LinearAttentionApplyGradients<T> actual = LinearAttentionRun.ApplyBackward(Context, data, state);

        AssertFlashRule<T>("keyGradient", Widen(keys), naiveKeys, reference.Keys);
        AssertFlashRule<T>("valueGradient", Widen(values), naiveValues, reference.Values);
        AssertFlashRule<T>("queryGradient", Widen(actual.Queries), naive.Queries, applied.Queries);
        AssertFlashRule<T>("stateGradient", actual.State, naive.State, applied.State);
        AssertFlashRule<T>("selfKeyGradient", Widen(actual.SelfKeys), naive.SelfKeys, applied.SelfKeys);
        AssertFlashRule<T>("selfValueGradient", Widen(actual.SelfValues), naive.SelfValues, applied.SelfValues);
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
}

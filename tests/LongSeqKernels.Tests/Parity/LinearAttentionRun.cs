using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Tests;

/// <summary>One entry of the catalogue of linear attention: history, target rows, switches.</summary>
public sealed record LinearAttentionCase(string Name, LinearAttentionShape Shape)
{
    public long[] History { get; init; } = [65, 0, 20];

    public long[] Rows { get; init; } = [5, 3, 0];

    public LinearAttentionOptions Options { get; init; } = new() { StateScale = 0.1f };

    /// <summary>Whether rows add the diagonal self term, as targets do.</summary>
    public bool SelfTerm { get; init; }

    public override string ToString() => Name;
}

/// <summary>The tensors of a case. Queries and self tensors have one row per target, keys and values one per event.</summary>
internal sealed record LinearAttentionData<T>(LinearAttentionCase Case)
    where T : unmanaged
{
    public required T[] Keys { get; init; }

    public required T[] Values { get; init; }

    public required T[] Queries { get; init; }

    public required T[] SelfKeys { get; init; }

    public required T[] SelfValues { get; init; }

    public required T[] OutputGradient { get; init; }

    /// <summary>What the state holds before the history is added.</summary>
    public required float[] StateBefore { get; init; }

    public JaggedLayout History => JaggedLayout.FromLengths(Case.History);

    public JaggedLayout Rows => JaggedLayout.FromLengths(Case.Rows);

    public static LinearAttentionData<T> Of(LinearAttentionCase c)
    {
        long history = c.History.Sum();
        long rows = c.Rows.Sum();
        return new LinearAttentionData<T>(c)
        {
            Keys = Normal<T>(1, history * c.Shape.KeyRow),
            Values = Normal<T>(2, history * c.Shape.ValueRow),
            Queries = Normal<T>(3, rows * c.Shape.KeyRow),
            SelfKeys = Normal<T>(4, c.SelfTerm ? rows * c.Shape.KeyRow : 0),
            SelfValues = Normal<T>(5, c.SelfTerm ? rows * c.Shape.ValueRow : 0),
            OutputGradient = Normal<T>(6, rows * c.Shape.ValueRow),
            StateBefore = Normal(7, c.History.Length * c.Shape.State),
        };
    }

    public LinearAttentionData<float> Widened() => new(Case)
    {
        Keys = Widen(Keys),
        Values = Widen(Values),
        Queries = Widen(Queries),
        SelfKeys = Widen(SelfKeys),
        SelfValues = Widen(SelfValues),
        OutputGradient = Widen(OutputGradient),
        StateBefore = StateBefore,
    };
}

/// <summary>Gradients of reading the state.</summary>
internal sealed record LinearAttentionApplyGradients<T>(T[] Queries, float[] State, T[] SelfKeys, T[] SelfValues);

/// <summary>Runs linear attention through the public operations, every tensor between guards and every output poisoned.</summary>
internal static class LinearAttentionRun
{
    public static float[] AddToState<T>(LongSeqContext context, LinearAttentionData<T> data)
        where T : unmanaged
    {
        GuardedBuffer<float> state = GuardedBuffer<float>.Of(data.StateBefore);
        LinearAttention.AddToState(
            context,
            data.Case.Shape,
            data.Case.Options,
            data.History,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            state.Span);
        state.AssertGuardIntact("state");
        return state.ToArray();
    }

    public static (T[] Keys, T[] Values) AddToStateBackward<T>(LongSeqContext context, LinearAttentionData<T> data, float[] stateGradient)
        where T : unmanaged
    {
        GuardedBuffer<T> keys = GuardedBuffer<T>.Output(data.Keys.Length);
        GuardedBuffer<T> values = GuardedBuffer<T>.Output(data.Values.Length);
        LinearAttention.AddToStateBackward(
            context,
            data.Case.Shape,
            data.Case.Options,
            data.History,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            GuardedBuffer<float>.Of(stateGradient).Span,
            keys.Span,
            values.Span);
        keys.AssertGuardIntact("keyGradient");
        values.AssertGuardIntact("valueGradient");
        return (keys.ToArray(), values.ToArray());
    }

    public static T[] Apply<T>(LongSeqContext context, LinearAttentionData<T> data, float[] state)
        where T : unmanaged
    {
        GuardedBuffer<T> output = GuardedBuffer<T>.Output(data.OutputGradient.Length);
        LinearAttention.Apply(
            context,
            data.Case.Shape,
            data.Case.Options,
            data.Rows,
            GuardedBuffer<T>.Of(data.Queries).Span,
            GuardedBuffer<float>.Of(state).Span,
            GuardedBuffer<T>.Of(data.SelfKeys).Span,
            GuardedBuffer<T>.Of(data.SelfValues).Span,
            output.Span);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }

    /// <summary>The state's gradient is added to <see cref="LinearAttentionData{T}.StateBefore"/>: any numbers will do.</summary>
    public static LinearAttentionApplyGradients<T> ApplyBackward<T>(LongSeqContext context, LinearAttentionData<T> data, float[] state)
        where T : unmanaged
    {
        GuardedBuffer<T> queries = GuardedBuffer<T>.Output(data.Queries.Length);
        GuardedBuffer<float> stateGradient = GuardedBuffer<float>.Of(data.StateBefore);
        GuardedBuffer<T> selfKeys = GuardedBuffer<T>.Output(data.SelfKeys.Length);
        GuardedBuffer<T> selfValues = GuardedBuffer<T>.Output(data.SelfValues.Length);
        LinearAttention.ApplyBackward(
            context,
            data.Case.Shape,
            data.Case.Options,
            data.Rows,
            GuardedBuffer<T>.Of(data.Queries).Span,
            GuardedBuffer<float>.Of(state).Span,
            GuardedBuffer<T>.Of(data.SelfKeys).Span,
            GuardedBuffer<T>.Of(data.SelfValues).Span,
            GuardedBuffer<T>.Of(data.OutputGradient).Span,
            queries.Span,
            stateGradient.Span,
            selfKeys.Span,
            selfValues.Span);
        queries.AssertGuardIntact("queryGradient");
        stateGradient.AssertGuardIntact("stateGradient");
        selfKeys.AssertGuardIntact("selfKeyGradient");
        selfValues.AssertGuardIntact("selfValueGradient");
        return new(queries.ToArray(), stateGradient.ToArray(), selfKeys.ToArray(), selfValues.ToArray());
    }
}

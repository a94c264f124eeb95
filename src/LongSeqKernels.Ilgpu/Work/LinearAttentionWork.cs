using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>One item is one row (segment, head, i) of a state.</summary>
internal readonly struct LinearStateWork : IWork
{
    public required LinearAttentionShape Shape { get; init; }

    public required LinearActivation Activation { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Keys { get; init; }

    public required TensorView Values { get; init; }

    public required TensorView State { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        LinearAttentionBodies.State(Shape, Activation, Offsets, Keys, Values, State, Scratch.Values, Scratch.Start(worker), item);
}

/// <summary>One item is one history row and head.</summary>
internal readonly struct LinearStateBackwardWork : IWork
{
    public required LinearAttentionShape Shape { get; init; }

    public required LinearActivation Activation { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Keys { get; init; }

    public required TensorView Values { get; init; }

    public required TensorView StateGradient { get; init; }

    public required TensorView KeyGradient { get; init; }

    public required TensorView ValueGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        LinearAttentionBodies.StateBackward(
            Shape, Activation, Offsets, Keys, Values, StateGradient, KeyGradient, ValueGradient, Scratch.Values, Scratch.Start(worker), item);
}

/// <summary>One item is one element of phi2(s M).</summary>
internal readonly struct LinearReadStateWork : IWork
{
    public required LinearAttentionOptions Options { get; init; }

    public required TensorView State { get; init; }

    public required TensorView Read { get; init; }

    public void Run(long item, long worker) => LinearAttentionBodies.ReadState(Options, State, Read, item);
}

/// <summary>One item is one row and head.</summary>
internal readonly struct LinearApplyWork : IWork
{
    public required LinearAttentionShape Shape { get; init; }

    public required LinearActivation Activation { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Queries { get; init; }

    public required TensorView Read { get; init; }

    public required TensorView SelfKeys { get; init; }

    public required TensorView SelfValues { get; init; }

    public required TensorView Output { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        LinearAttentionBodies.Apply(
            Shape, Activation, Offsets, Queries, Read, SelfKeys, SelfValues, Output, Scratch.Values, Scratch.Start(worker), item);
}

/// <summary>One item is one row and head.</summary>
internal readonly struct LinearApplyBackwardWork : IWork
{
    public required LinearAttentionShape Shape { get; init; }

    public required LinearActivation Activation { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Queries { get; init; }

    public required TensorView Read { get; init; }

    public required TensorView SelfKeys { get; init; }

    public required TensorView SelfValues { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView QueryGradient { get; init; }

    public required TensorView SelfKeyGradient { get; init; }

    public required TensorView SelfValueGradient { get; init; }

    public void Run(long item, long worker) =>
        LinearAttentionBodies.ApplyBackward(
            Shape, Activation, Offsets, Queries, Read, SelfKeys, SelfValues, OutputGradient, QueryGradient, SelfKeyGradient, SelfValueGradient, item);
}

/// <summary>One item is one row (segment, head, i) of a state's gradient.</summary>
internal readonly struct LinearStateGradientWork : IWork
{
    public required LinearAttentionShape Shape { get; init; }

    public required LinearAttentionOptions Options { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Queries { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView State { get; init; }

    public required TensorView StateGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        LinearAttentionBodies.StateGradient(
            Shape, Options, Offsets, Queries, OutputGradient, State, StateGradient, Scratch.Values, Scratch.Start(worker), item);
}

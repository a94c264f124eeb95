using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>What all kernels of a sketch attention read.</summary>
internal readonly struct SketchOperands
{
    public required SketchAttentionParameters Parameters { get; init; }

    public required IndexView Offsets { get; init; }

    public required TensorView Prototypes { get; init; }

    public required TensorView Keys { get; init; }

    public required TensorView Values { get; init; }

    /// <summary>The LSE of every token over the prototypes.</summary>
    public required TensorView Normalisers { get; init; }
}

/// <summary>One item is one token.</summary>
internal readonly struct TokenNormaliserWork : IWork
{
    public required SketchOperands Operands { get; init; }

    public void Run(long item, long worker) =>
        SketchAttentionBodies.TokenNormaliser(Operands.Parameters, Operands.Prototypes, Operands.Keys, Operands.Normalisers, item);
}

/// <summary>One item is one row of a segment's sketch.</summary>
internal readonly struct SketchWork : IWork
{
    public required SketchOperands Operands { get; init; }

    public required TensorView Sketch { get; init; }

    public required TensorView Mass { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        SketchAttentionBodies.Sketch(
            Operands.Parameters, Operands.Offsets, Operands.Prototypes, Operands.Keys, Operands.Values, Operands.Normalisers, Sketch, Mass, Scratch.Values,
            Scratch.Start(worker), item);
}

/// <summary>What the kernels of the backward hand on.</summary>
internal readonly struct SketchGradients
{
    public required TensorView Sums { get; init; }

    public required TensorView Masses { get; init; }

    /// <summary><c>[L, 2]</c>.</summary>
    public required TensorView TokenTerms { get; init; }
}

/// <summary>One item is one row of a segment's sketch.</summary>
internal readonly struct SketchSumGradientWork : IWork
{
    public required SketchAttentionParameters Parameters { get; init; }

    public required TensorView Sketch { get; init; }

    public required TensorView Mass { get; init; }

    public required TensorView SketchGradient { get; init; }

    public required SketchGradients Gradients { get; init; }

    public void Run(long item, long worker) =>
        SketchAttentionBackwardBodies.SumGradient(Parameters, Sketch, Mass, SketchGradient, Gradients.Sums, Gradients.Masses, item);
}

/// <summary>One item is one token.</summary>
internal readonly struct SketchTokenGradientWork : IWork
{
    public required SketchOperands Operands { get; init; }

    public required SketchGradients Gradients { get; init; }

    public required TensorView KeyGradient { get; init; }

    public required TensorView ValueGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        SketchAttentionBackwardBodies.TokenGradient(
            Operands.Parameters, Operands.Offsets, Operands.Prototypes, Operands.Keys, Operands.Values, Operands.Normalisers, Gradients.Sums, Gradients.Masses,
            Gradients.TokenTerms, KeyGradient, ValueGradient, Scratch.Values, Scratch.Start(worker), item);
}

/// <summary>One item is one prototype.</summary>
internal readonly struct SketchPrototypeGradientWork : IWork
{
    public required SketchOperands Operands { get; init; }

    public required SketchGradients Gradients { get; init; }

    public required TensorView PrototypeGradient { get; init; }

    public required WorkerScratch Scratch { get; init; }

    public void Run(long item, long worker) =>
        SketchAttentionBackwardBodies.PrototypeGradient(
            Operands.Parameters, Operands.Offsets, Operands.Prototypes, Operands.Keys, Operands.Values, Operands.Normalisers, Gradients.Sums, Gradients.Masses,
            Gradients.TokenTerms, PrototypeGradient, Scratch.Values, Scratch.Start(worker), item);
}

using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Tests;

/// <summary>The tensors of a linear layer.</summary>
internal sealed record LinearData<T>
    where T : unmanaged
{
    public required LinearShape Shape { get; init; }

    public required T[] Input { get; init; }

    public required T[] Weight { get; init; }

    public required T[] Bias { get; init; }

    /// <summary>What the output holds before it is added to.</summary>
    public required T[] Before { get; init; }

    public required T[] OutputGradient { get; init; }

    public static LinearData<T> Of(LinearShape shape) => new()
    {
        Shape = shape,
        Input = Normal<T>(1, (long)shape.Rows * shape.InputWidth),
        Weight = Normal<T>(2, (long)shape.InputWidth * shape.OutputWidth, 1 / Math.Sqrt(shape.InputWidth)),
        Bias = Normal<T>(3, shape.OutputWidth),
        Before = Normal<T>(4, (long)shape.Rows * shape.OutputWidth),
        OutputGradient = Normal<T>(5, (long)shape.Rows * shape.OutputWidth),
    };

    public LinearData<float> Widened() => new()
    {
        Shape = Shape,
        Input = Widen(Input),
        Weight = Widen(Weight),
        Bias = Widen(Bias),
        Before = Widen(Before),
        OutputGradient = Widen(OutputGradient),
    };
}

internal sealed record LinearGradients<T>(T[] Input, T[] Weight, T[] Bias);

/// <summary>Runs a linear layer through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class LinearRun
{
    public static T[] Forward<T>(LongSeqContext context, LinearData<T> data, T[] bias, OutputMode mode)
        where T : unmanaged
    {
        GuardedBuffer<T> output = Result(data.Before, mode);
        Linear.Forward(
            context,
            data.Shape,
            GuardedBuffer<T>.Of(data.Input).Span,
            GuardedBuffer<T>.Of(data.Weight).Span,
            GuardedBuffer<T>.Of(bias).Span,
            output.Span,
            mode);
        output.AssertGuardIntact("output");
        return output.ToArray();
    }

    /// <summary>When gradients are added, what is there already is the parameters themselves: any numbers will do.</summary>
    public static LinearGradients<T> Backward<T>(LongSeqContext context, LinearData<T> data, OutputMode mode)
        where T : unmanaged
    {
        GuardedBuffer<T> input = Result(data.Input, mode);
        GuardedBuffer<T> weight = Result(data.Weight, mode);
        GuardedBuffer<T> bias = Result(data.Bias, mode);
        Linear.Backward(
            context,
            data.Shape,
            GuardedBuffer<T>.Of(data.Input).Span,
            GuardedBuffer<T>.Of(data.Weight).Span,
            GuardedBuffer<T>.Of(data.OutputGradient).Span,
            input.Span,
            weight.Span,
            bias.Span,
            mode);
        input.AssertGuardIntact("inputGradient");
        weight.AssertGuardIntact("weightGradient");
        bias.AssertGuardIntact("biasGradient");
        return new LinearGradients<T>(input.ToArray(), weight.ToArray(), bias.ToArray());
    }

    private static GuardedBuffer<T> Result<T>(T[] before, OutputMode mode)
        where T : unmanaged => mode == OutputMode.Add ? GuardedBuffer<T>.Of(before) : GuardedBuffer<T>.Output(before.Length);
}

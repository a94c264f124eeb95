using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>One item is one element of y.</summary>
internal readonly struct LinearWork : IWork
{
    public required LinearShape Shape { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Weight { get; init; }

    public required TensorView Bias { get; init; }

    public required TensorView Output { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) => LinearBodies.Output(Shape, Input, Weight, Bias, Output, Mode, item);
}

/// <summary>One item is one element of dx.</summary>
internal readonly struct LinearInputGradientWork : IWork
{
    public required LinearShape Shape { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView Weight { get; init; }

    public required TensorView InputGradient { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) => LinearBodies.InputGradient(Shape, OutputGradient, Weight, InputGradient, Mode, item);
}

/// <summary>One item is one element of dW.</summary>
internal readonly struct LinearWeightGradientWork : IWork
{
    public required LinearShape Shape { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView WeightGradient { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) => LinearBodies.WeightGradient(Shape, Input, OutputGradient, WeightGradient, Mode, item);
}

/// <summary>One item is one element of db.</summary>
internal readonly struct LinearBiasGradientWork : IWork
{
    public required LinearShape Shape { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView BiasGradient { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) => LinearBodies.BiasGradient(Shape, OutputGradient, BiasGradient, Mode, item);
}

/// <summary>One item is one element, rounded to the result's type.</summary>
internal readonly struct StoreWork : IWork
{
    public required TensorView Values { get; init; }

    public required TensorView Result { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) => LinearBodies.Store(Result, item, Values.Get(item), Mode);
}

/// <summary>One item is one row: its mean and scale.</summary>
internal readonly struct LayerNormMomentsWork : IWork
{
    public required int Width { get; init; }

    public required float Epsilon { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Moments { get; init; }

    public void Run(long item, long worker) => LayerNormBodies.Moments(Width, Epsilon, Input, Moments, item);
}

/// <summary>One item is one row.</summary>
internal readonly struct LayerNormWork : IWork
{
    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Moments { get; init; }

    public required TensorView Gain { get; init; }

    public required TensorView Bias { get; init; }

    public required TensorView Output { get; init; }

    public void Run(long item, long worker) => LayerNormBodies.Forward(Width, Input, Moments, Gain, Bias, Output, item);
}

/// <summary>One item is one row of dx.</summary>
internal readonly struct LayerNormInputGradientWork : IWork
{
    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Moments { get; init; }

    public required TensorView Gain { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView InputGradient { get; init; }

    public void Run(long item, long worker) => LayerNormBodies.InputGradient(Width, Input, Moments, Gain, OutputGradient, InputGradient, item);
}

/// <summary>One item is one column.</summary>
internal readonly struct LayerNormParameterGradientsWork : IWork
{
    public required long Rows { get; init; }

    public required int Width { get; init; }

    public required TensorView Input { get; init; }

    public required TensorView Moments { get; init; }

    public required TensorView OutputGradient { get; init; }

    public required TensorView GainGradient { get; init; }

    public required TensorView BiasGradient { get; init; }

    public required OutputMode Mode { get; init; }

    public void Run(long item, long worker) =>
        LayerNormBodies.ParameterGradients(Rows, Width, Input, Moments, OutputGradient, GainGradient, BiasGradient, Mode, (int)item);
}

/// <summary>One item is one hidden element of a gated FFN.</summary>
internal readonly struct GateWork : IWork
{
    public required TensorView Up { get; init; }

    public required TensorView Gate { get; init; }

    public required TensorView Hidden { get; init; }

    public void Run(long item, long worker) => GatedFfnBodies.Gate(Up, Gate, Hidden, item);
}

/// <summary>One item is one hidden element; gradients take the place of u and v.</summary>
internal readonly struct GateGradientWork : IWork
{
    public required TensorView Up { get; init; }

    public required TensorView Gate { get; init; }

    public required TensorView HiddenGradient { get; init; }

    public void Run(long item, long worker) => GatedFfnBodies.GateGradient(Up, Gate, HiddenGradient, item);
}

using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <content>Sketch attention.</content>
internal sealed partial class IlgpuKernels
{
    public void SketchAttention<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        SketchOperands operands = Operands(call, shape, prototypes, keys, values, call.Tensor<float>(tokenLogSumExp.Length));
        call.Launch(new TokenNormaliserWork { Operands = operands }, shape.History.Total);
        WorkerScratch scratch = call.Scratch(mass.Length, 2 * shape.ValueWidth);
        var work = new SketchWork
        {
            Operands = operands,
            Sketch = call.Tensor<T>(sketch.Length),
            Mass = call.Tensor<float>(mass.Length),
            Scratch = scratch,
        };
        call.Launch(work, mass.Length, scratch);
        call.Fetch(work.Sketch, sketch);
        call.Fetch(work.Mass, mass);
        call.Fetch(operands.Normalisers, tokenLogSumExp);
    }

    public void SketchAttentionBackward<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<T> sketch,
        ReadOnlySpan<float> tokenLogSumExp,
        ReadOnlySpan<float> mass,
        ReadOnlySpan<T> sketchGradient,
        Span<T> prototypeGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        SketchOperands operands = Operands(call, shape, prototypes, keys, values, call.Tensor(tokenLogSumExp));
        var gradients = new SketchGradients
        {
            Sums = call.Tensor<float>(sketchGradient.Length),
            Masses = call.Tensor<float>(mass.Length),
            TokenTerms = call.Tensor<float>(2 * shape.History.Total),
        };
        var sums = new SketchSumGradientWork
        {
            Parameters = operands.Parameters,
            Sketch = call.Tensor(sketch),
            Mass = call.Tensor(mass),
            SketchGradient = call.Tensor(sketchGradient),
            Gradients = gradients,
        };
        call.Launch(sums, mass.Length);

        WorkerScratch tokenScratch = call.Scratch(shape.History.Total, 2 * (shape.KeyWidth + shape.ValueWidth));
        var tokens = new SketchTokenGradientWork
        {
            Operands = operands,
            Gradients = gradients,
            KeyGradient = call.Tensor<T>(keyGradient.Length),
            ValueGradient = call.Tensor<T>(valueGradient.Length),
            Scratch = tokenScratch,
        };
        call.Launch(tokens, shape.History.Total, tokenScratch);

        WorkerScratch prototypeScratch = call.Scratch(shape.Prototypes, 2 * shape.KeyWidth);
        var rows = new SketchPrototypeGradientWork
        {
            Operands = operands,
            Gradients = gradients,
            PrototypeGradient = call.Tensor<T>(prototypeGradient.Length),
            Scratch = prototypeScratch,
        };
        call.Launch(rows, shape.Prototypes, prototypeScratch);
        call.Fetch(rows.PrototypeGradient, prototypeGradient);
        call.Fetch(tokens.KeyGradient, keyGradient);
        call.Fetch(tokens.ValueGradient, valueGradient);
    }

    private static SketchOperands Operands<T>(
        DeviceCall call, SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, TensorView normalisers)
        where T : unmanaged => new()
        {
            Parameters = new SketchAttentionParameters(shape),
            Offsets = call.Indices(shape.History.Offsets),
            Prototypes = call.Tensor(prototypes),
            Keys = call.Tensor(keys),
            Values = call.Tensor(values),
            Normalisers = normalisers,
        };
}

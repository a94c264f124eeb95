namespace LongSeqKernels.Portable;

/// <content>Sketch attention.</content>
internal sealed partial class PortableKernels
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
        var parameters = new SketchAttentionParameters(shape);
        var p = new ReadOnlySpanView<T>(prototypes);
        var k = new ReadOnlySpanView<T>(keys);
        var normalisers = new SpanView<float>(tokenLogSumExp);
        for (long token = 0; token < shape.History.Total; token++)
        {
            SketchAttentionBodies.TokenNormaliser(parameters, p, k, normalisers, token);
        }
        var scratch = new SpanView<float>(new float[2 * shape.ValueWidth]);
        for (long item = 0; item < mass.Length; item++)
        {
            SketchAttentionBodies.Sketch(
                parameters, new IndexSpanView(shape.History.Offsets), p, k, new ReadOnlySpanView<T>(values), normalisers, new SpanView<T>(sketch),
                new SpanView<float>(mass), scratch, 0, item);
        }
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
        var parameters = new SketchAttentionParameters(shape);
        var offsets = new IndexSpanView(shape.History.Offsets);
        var p = new ReadOnlySpanView<T>(prototypes);
        var k = new ReadOnlySpanView<T>(keys);
        var v = new ReadOnlySpanView<T>(values);
        var normalisers = new ReadOnlySpanView<float>(tokenLogSumExp);
        var sumGradients = new SpanView<float>(new float[sketchGradient.Length]);
        var massGradients = new SpanView<float>(new float[mass.Length]);
        var tokenTerms = new SpanView<float>(new float[2 * shape.History.Total]);
        var scratch = new SpanView<float>(new float[2 * (shape.KeyWidth + shape.ValueWidth)]);
        for (long item = 0; item < massGradients.Length; item++)
        {
            SketchAttentionBackwardBodies.SumGradient(
                parameters, new ReadOnlySpanView<T>(sketch), new ReadOnlySpanView<float>(mass), new ReadOnlySpanView<T>(sketchGradient), sumGradients,
                massGradients, item);
        }
        for (long token = 0; token < shape.History.Total; token++)
        {
            SketchAttentionBackwardBodies.TokenGradient(
                parameters, offsets, p, k, v, normalisers, sumGradients, massGradients, tokenTerms, new SpanView<T>(keyGradient), new SpanView<T>(valueGradient),
                scratch, 0, token);
        }
        for (long prototype = 0; prototype < shape.Prototypes; prototype++)
        {
            SketchAttentionBackwardBodies.PrototypeGradient(
                parameters, offsets, p, k, v, normalisers, sumGradients, massGradients, tokenTerms, new SpanView<T>(prototypeGradient), scratch, 0, prototype);
        }
    }
}

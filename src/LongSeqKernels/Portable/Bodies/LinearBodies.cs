namespace LongSeqKernels.Portable;

/// <summary>Linear layers <c>y = x W + b</c>; one work item is one element of a result.</summary>
public static class LinearBodies
{
    /// <summary>One element of y.</summary>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="input"><c>[rows, in]</c>.</param>
    /// <param name="weight"><c>[in, out]</c>.</param>
    /// <param name="bias"><c>[out]</c> or empty.</param>
    /// <param name="output"><c>[rows, out]</c>, result.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <param name="item">row * out + column.</param>
    public static void Output<TInput, TWeight, TOutput>(
        LinearShape shape, TInput input, TWeight weight, TWeight bias, TOutput output, OutputMode mode, long item)
        where TInput : struct, IReadView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long row = item / shape.OutputWidth;
        long column = item - (row * shape.OutputWidth);
        float value = BlockSums.Dot(input, row * shape.InputWidth, 1, weight, column, shape.OutputWidth, shape.InputWidth);
        if (bias.Length != 0)
        {
            value += bias.Get(column);
        }
        Store(output, item, value, mode);
    }

    /// <summary>One element of the input's gradient <c>dx = dy W^T</c>.</summary>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="outputGradient"><c>[rows, out]</c>.</param>
    /// <param name="weight"><c>[in, out]</c>.</param>
    /// <param name="inputGradient"><c>[rows, in]</c>, result.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <param name="item">row * in + column.</param>
    public static void InputGradient<TGradient, TWeight, TOutput>(
        LinearShape shape, TGradient outputGradient, TWeight weight, TOutput inputGradient, OutputMode mode, long item)
        where TGradient : struct, IReadView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long row = item / shape.InputWidth;
        long column = item - (row * shape.InputWidth);
        float value = BlockSums.Dot(outputGradient, row * shape.OutputWidth, 1, weight, column * shape.OutputWidth, 1, shape.OutputWidth);
        Store(inputGradient, item, value, mode);
    }

    /// <summary>One element of the weight's gradient <c>dW = x^T dy</c>.</summary>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="input"><c>[rows, in]</c>.</param>
    /// <param name="outputGradient"><c>[rows, out]</c>.</param>
    /// <param name="weightGradient"><c>[in, out]</c>, result.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <param name="item">Row of W * out + column.</param>
    public static void WeightGradient<TInput, TGradient, TOutput>(
        LinearShape shape, TInput input, TGradient outputGradient, TOutput weightGradient, OutputMode mode, long item)
        where TInput : struct, IReadView, allows ref struct
        where TGradient : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long row = item / shape.OutputWidth;
        long column = item - (row * shape.OutputWidth);
        float value = BlockSums.Dot(input, row, shape.InputWidth, outputGradient, column, shape.OutputWidth, shape.Rows);
        Store(weightGradient, item, value, mode);
    }

    /// <summary>One element of the bias's gradient, the sum of a column of dy.</summary>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="outputGradient"><c>[rows, out]</c>.</param>
    /// <param name="biasGradient"><c>[out]</c>, result.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <param name="item">Column.</param>
    public static void BiasGradient<TGradient, TOutput>(LinearShape shape, TGradient outputGradient, TOutput biasGradient, OutputMode mode, long item)
        where TGradient : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct =>
        Store(biasGradient, item, BlockSums.Sum(outputGradient, item, shape.OutputWidth, shape.Rows), mode);

    /// <summary>Stores one element of a result, or adds it to what is there.</summary>
    public static void Store<TOutput>(TOutput output, long item, float value, OutputMode mode)
        where TOutput : struct, IReadWriteView, allows ref struct =>
        output.Set(item, mode == OutputMode.Add ? output.Get(item) + value : value);
}

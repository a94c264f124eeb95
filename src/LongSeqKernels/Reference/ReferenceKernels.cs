namespace LongSeqKernels;

/// <summary>
/// The executable specification: every operation in fp64, scalar, one naive method each, written to be read. What <c>lsk verify</c> and
/// every parity test compare with. Elements are converted to fp64 when they are read and rounded once, when they are stored.
/// </summary>
internal sealed partial class ReferenceKernels : IKernels
{
    public string Name => "reference";

    public string Description => "fp64, scalar, one thread";

    public void Dispose()
    {
        // Holds nothing.
    }

    /// <summary>Elements are stored types, or the reference's own fp64 intermediates.</summary>
    private static double Load<T>(T value)
        where T : unmanaged => typeof(T) == typeof(double) ? (double)(object)value : Element<T>.ToSingle(value);

    private static T Store<T>(double value)
        where T : unmanaged => Element<T>.FromSingle((float)value);

    private static void Store<T>(ReadOnlySpan<double> values, Span<T> output)
        where T : unmanaged
    {
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = Store<T>(values[i]);
        }
    }

    /// <summary>Stores a gradient; one that is not wanted is an empty span.</summary>
    private static void Store<T>(ReadOnlySpan<double> values, Span<T> output, OutputMode mode)
        where T : unmanaged
    {
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = Store<T>(mode == OutputMode.Add ? Load(output[i]) + values[i] : values[i]);
        }
    }

    private static double Dot<TLeft, TRight>(ReadOnlySpan<TLeft> left, ReadOnlySpan<TRight> right)
        where TLeft : unmanaged
        where TRight : unmanaged
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += Load(left[i]) * Load(right[i]);
        }
        return sum;
    }

    /// <summary><c>sum += factor * row</c>.</summary>
    private static void AddScaled<T>(Span<double> sum, double factor, ReadOnlySpan<T> row)
        where T : unmanaged
    {
        for (int i = 0; i < row.Length; i++)
        {
            sum[i] += factor * Load(row[i]);
        }
    }

    /// <summary>Row <paramref name="row"/> of a tensor whose rows have <paramref name="width"/> elements.</summary>
    private static ReadOnlySpan<T> Row<T>(ReadOnlySpan<T> tensor, long row, int width) => tensor.Slice(checked((int)(row * width)), width);

    /// <inheritdoc cref="Row{T}(ReadOnlySpan{T}, long, int)"/>
    private static Span<T> Row<T>(Span<T> tensor, long row, int width) => tensor.Slice(checked((int)(row * width)), width);

    /// <inheritdoc cref="Row{T}(ReadOnlySpan{T}, long, int)"/>
    private static Span<double> Row(double[] tensor, long row, int width) => Row(tensor.AsSpan(), row, width);

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double Silu(double x) => x * Sigmoid(x);

    private static double SiluDerivative(double x) => Sigmoid(x) * (1 + (x * (1 - Sigmoid(x))));
}

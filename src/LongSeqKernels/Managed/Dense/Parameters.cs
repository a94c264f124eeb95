using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <summary>Small vectors of parameters and their gradients between storage types and fp32 scratch.</summary>
internal static unsafe class Parameters
{
    /// <summary>A parameter as fp32, or a constant where it was not given.</summary>
    public static void WidenOrFill<T>(ReadOnlySpan<T> source, float fill, float* target, int count)
        where T : unmanaged
    {
        if (source.IsEmpty)
        {
            new Span<float>(target, count).Fill(fill);
            return;
        }
        fixed (T* first = source)
        {
            ElementRows<T>.Widen(first, target, count);
        }
    }

    /// <summary><c>sum += addend</c>.</summary>
    public static void Accumulate(float* sum, float* addend, int count) =>
        TensorPrimitives.Add(new ReadOnlySpan<float>(sum, count), new ReadOnlySpan<float>(addend, count), new Span<float>(sum, count));

    /// <summary>Stores a gradient, or adds it to what is there; does nothing where it is not wanted. <paramref name="gradient"/> may be changed.</summary>
    public static void Store<T>(float* gradient, Span<T> target, OutputMode mode)
        where T : unmanaged
    {
        if (mode == OutputMode.Add)
        {
            for (int i = 0; i < target.Length; i++)
            {
                gradient[i] += Element<T>.ToSingle(target[i]);
            }
        }
        fixed (T* first = target)
        {
            ElementRows<T>.Narrow(gradient, first, target.Length);
        }
    }
}

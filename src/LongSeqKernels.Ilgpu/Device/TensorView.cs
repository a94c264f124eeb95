using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// A tensor in device memory as kernel bodies see it: fp32 numbers, or 16-bit words that every access converts. The storage type is a scalar of the kernel,
/// the same for all its work items, so one kernel serves all three.
/// </summary>
/// <param name="type">What the tensor holds.</param>
/// <param name="length">Number of elements.</param>
/// <param name="singles">Its memory if that is fp32, else any: a kernel takes no view without memory.</param>
/// <param name="words">Its memory if that is 16-bit, else any.</param>
internal readonly struct TensorView(ElementType type, long length, ArrayView<float> singles, ArrayView<ushort> words) : IReadWriteView
{
    private readonly ElementType _type = type;
    private readonly ArrayView<float> _singles = singles;
    private readonly ArrayView<ushort> _words = words;

    /// <inheritdoc/>
    public long Length { get; } = length;

    /// <inheritdoc/>
    public float Get(long index)
    {
        if (_type == ElementType.Float32)
        {
            return _singles[index];
        }
        int bits = _words[index];
        return _type == ElementType.BFloat16 ? StorageBits.FromBFloat16(bits) : StorageBits.FromFloat16(bits);
    }

    /// <inheritdoc/>
    public void Set(long index, float value)
    {
        if (_type == ElementType.Float32)
        {
            _singles[index] = value;
        }
        else
        {
            int bits = _type == ElementType.BFloat16 ? StorageBits.ToBFloat16(value) : StorageBits.ToFloat16(value);
            _words[index] = (ushort)bits;
        }
    }

    /// <summary>Copies host memory of the tensor's type into it.</summary>
    public void Upload<T>(AcceleratorStream stream, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        if (_type == ElementType.Float32)
        {
            HostCopies.Upload(stream, MemoryMarshal.Cast<T, float>(source), _singles);
        }
        else
        {
            HostCopies.Upload(stream, MemoryMarshal.Cast<T, ushort>(source), _words);
        }
    }

    /// <summary>Copies it to host memory of its type.</summary>
    public void Download<T>(AcceleratorStream stream, Span<T> target)
        where T : unmanaged
    {
        if (_type == ElementType.Float32)
        {
            HostCopies.Download(stream, _singles, MemoryMarshal.Cast<T, float>(target));
        }
        else
        {
            HostCopies.Download(stream, _words, MemoryMarshal.Cast<T, ushort>(target));
        }
    }
}

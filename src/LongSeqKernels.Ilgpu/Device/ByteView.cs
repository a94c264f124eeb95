using ILGPU;
using ILGPU.Runtime;
using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>Encoded rows in device memory as kernel bodies see them.</summary>
internal readonly struct ByteView(ArrayView<byte> values) : IReadByteView, IWriteByteView
{
    private readonly ArrayView<byte> _values = values;

    /// <inheritdoc/>
    public int Get(long index) => _values[index];

    /// <inheritdoc/>
    public void Set(long index, int value) => _values[index] = (byte)value;

    /// <summary>Copies host memory into it.</summary>
    public void Upload(AcceleratorStream stream, ReadOnlySpan<byte> source) => HostCopies.Upload(stream, source, _values);

    /// <summary>Copies it to host memory.</summary>
    public void Download(AcceleratorStream stream, Span<byte> target) => HostCopies.Download(stream, _values, target);
}

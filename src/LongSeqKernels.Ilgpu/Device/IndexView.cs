using ILGPU;
using LongSeqKernels.Portable;

namespace LongSeqKernels.Ilgpu;

/// <summary>Offsets or limits in device memory as kernel bodies see them.</summary>
internal readonly struct IndexView(ArrayView<long> values, long length) : IIndexView
{
    private readonly ArrayView<long> _values = values;

    /// <inheritdoc/>
    public long Length { get; } = length;

    /// <inheritdoc/>
    public long Get(long index) => _values[index];
}

using System.Runtime.CompilerServices;

namespace LongSeqKernels.Portable;

/// <summary>A read-only span as a kernel body sees it; every access is bounds-checked.</summary>
internal readonly ref struct ReadOnlySpanView<T>(ReadOnlySpan<T> values) : IReadView
    where T : unmanaged
{
    private readonly ReadOnlySpan<T> _values = values;

    public long Length => _values.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Get(long index) => Element<T>.ToSingle(_values[checked((int)index)]);
}

/// <summary>A span as a kernel body sees it; every access is bounds-checked.</summary>
internal readonly ref struct SpanView<T>(Span<T> values) : IReadWriteView
    where T : unmanaged
{
    private readonly Span<T> _values = values;

    public long Length => _values.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Get(long index) => Element<T>.ToSingle(_values[checked((int)index)]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(long index, float value) => _values[checked((int)index)] = Element<T>.FromSingle(value);
}

/// <summary>Offsets, limits or times as a kernel body sees them.</summary>
internal readonly ref struct IndexSpanView(ReadOnlySpan<long> values) : IIndexView
{
    private readonly ReadOnlySpan<long> _values = values;

    public long Length => _values.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Get(long index) => _values[checked((int)index)];
}

/// <summary>Encoded rows that a kernel body reads; every access is bounds-checked.</summary>
internal readonly ref struct ReadOnlyByteSpanView(ReadOnlySpan<byte> values) : IReadByteView
{
    private readonly ReadOnlySpan<byte> _values = values;

    public int Get(long index) => _values[checked((int)index)];
}

/// <summary>Encoded rows that a kernel body writes; every access is bounds-checked.</summary>
internal readonly ref struct ByteSpanView(Span<byte> values) : IWriteByteView
{
    private readonly Span<byte> _values = values;

    public void Set(long index, int value) => _values[checked((int)index)] = (byte)value;
}

using System.Runtime.InteropServices;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// A tensor in the middle of a larger array whose surroundings are poison: NaN in every floating-point type, -1 in integers. A kernel that
/// reads beyond its tensor computes NaN, one that writes beyond it is caught by <see cref="AssertGuardIntact"/>.
/// </summary>
internal sealed class GuardedBuffer<T>
    where T : unmanaged
{
    private const byte Poison = 0xFF;

    // Odd, so that tensors are as badly aligned as callers' memory may be.
    private const int Guard = 1021;

    private readonly T[] _memory;
    private readonly int _length;

    private GuardedBuffer(int length)
    {
        _memory = new T[Guard + length + Guard];
        _length = length;
        MemoryMarshal.AsBytes(_memory.AsSpan()).Fill(Poison);
    }

    public Span<T> Span => _memory.AsSpan(Guard, _length);

    /// <summary>An input: a copy of the values.</summary>
    public static GuardedBuffer<T> Of(ReadOnlySpan<T> values)
    {
        var buffer = new GuardedBuffer<T>(values.Length);
        values.CopyTo(buffer.Span);
        return buffer;
    }

    /// <summary>An output: poison inside too, so that elements that are never written, or are read before they are written, show.</summary>
    public static GuardedBuffer<T> Output(long length) => new(checked((int)length));

    public T[] ToArray() => Span.ToArray();

    public void AssertGuardIntact(string name)
    {
        ReadOnlySpan<byte> before = MemoryMarshal.AsBytes(_memory.AsSpan(0, Guard));
        ReadOnlySpan<byte> after = MemoryMarshal.AsBytes(_memory.AsSpan(Guard + _length));
        Assert.That(before.IndexOfAnyExcept(Poison), Is.EqualTo(-1), $"{name}: memory before the tensor was written");
        Assert.That(after.IndexOfAnyExcept(Poison), Is.EqualTo(-1), $"{name}: memory after the tensor was written");
    }
}

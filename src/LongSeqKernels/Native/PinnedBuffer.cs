namespace LongSeqKernels.Native;

/// <summary>Host memory that the operating system does not move: copies from and to the device run beside kernels and at full speed.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed class PinnedBuffer<T> : IDisposable
    where T : unmanaged
{
    private readonly int _length;

    internal PinnedBuffer(DeviceMemory memory, int length)
    {
        Memory = memory;
        _length = length;
    }

    /// <summary>Number of elements.</summary>
    public int Length => _length;

    /// <summary>The elements, valid until the buffer is disposed or forgotten: a span does not hold its buffer.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    public unsafe Span<T> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(Memory.IsDisposed, this);
            return new Span<T>((void*)Memory.Address, _length);
        }
    }

    internal DeviceMemory Memory { get; }

    /// <summary>Frees the memory after all work of the device that was enqueued before.</summary>
    public void Dispose() => Memory.Dispose();
}

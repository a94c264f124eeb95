using System.Runtime.InteropServices;

namespace LongSeqKernels;

/// <summary>
/// Native scratch memory of the CPU backend, aligned to 64 bytes, rented for one run and reused by later ones. It never holds more blocks than were
/// rented at the same time: a block that is too small for a request is replaced, not kept beside a larger one.
/// </summary>
internal sealed unsafe class ScratchPool : IDisposable
{
    /// <summary>A cache line, and the widest vector.</summary>
    public const int Alignment = 64;

    private const long Granule = 4096;

    private readonly Lock _lock = new();
    private readonly List<Block> _idle = [];
    private bool _disposed;

    /// <summary>Bytes allocated now, rented or kept for reuse.</summary>
    public long CurrentBytes { get; private set; }

    /// <summary>The highest <see cref="CurrentBytes"/> since the pool was made or <see cref="Trim"/> was called.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Rents memory with unspecified content; dispose the result to give it back.</summary>
    /// <param name="bytes">0 or more.</param>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public AlignedBuffer Rent(long bytes)
    {
        long size = Math.Max(Granule, (bytes + Granule - 1) / Granule * Granule);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            int fitting = -1;
            int largest = -1;
            for (int i = 0; i < _idle.Count; i++)
            {
                if (_idle[i].Bytes >= size && (fitting < 0 || _idle[i].Bytes < _idle[fitting].Bytes))
                {
                    fitting = i;
                }
                if (largest < 0 || _idle[i].Bytes > _idle[largest].Bytes)
                {
                    largest = i;
                }
            }
            if (fitting >= 0)
            {
                Block block = _idle[fitting];
                _idle.RemoveAt(fitting);
                return new AlignedBuffer(this, (byte*)block.Address, block.Bytes);
            }
            if (largest >= 0)
            {
                Free(_idle[largest]);
                _idle.RemoveAt(largest);
            }
            void* address = NativeMemory.AlignedAlloc((nuint)size, Alignment);
            HugePages.Advise((nint)address, size);
            CurrentBytes += size;
            PeakBytes = Math.Max(PeakBytes, CurrentBytes);
            return new AlignedBuffer(this, (byte*)address, size);
        }
    }

    /// <summary>Frees what is not rented and starts a new measurement of <see cref="PeakBytes"/>.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            FreeIdle();
            PeakBytes = CurrentBytes;
        }
    }

    /// <summary>Frees everything. Buffers that are still rented are freed when they are given back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            FreeIdle();
        }
    }

    internal void Return(byte* address, long bytes)
    {
        lock (_lock)
        {
            var block = new Block((nint)address, bytes);
            if (_disposed)
            {
                Free(block);
            }
            else
            {
                _idle.Add(block);
            }
        }
    }

    private void FreeIdle()
    {
        foreach (Block block in _idle)
        {
            Free(block);
        }
        _idle.Clear();
    }

    private void Free(Block block)
    {
        NativeMemory.AlignedFree((void*)block.Address);
        CurrentBytes -= block.Bytes;
    }

    private readonly record struct Block(nint Address, long Bytes);
}

/// <summary>Rented scratch memory. Use it in a <c>using</c> statement; do not copy it.</summary>
internal readonly unsafe ref struct AlignedBuffer(ScratchPool owner, byte* address, long bytes)
{
    /// <summary>The first byte, aligned to <see cref="ScratchPool.Alignment"/>.</summary>
    public byte* Bytes => address;

    /// <summary>The memory as fp32.</summary>
    public float* Floats => (float*)address;

    /// <summary>Bytes usable: at least what was asked for.</summary>
    public long Length => bytes;

    /// <summary><paramref name="count"/> floats rounded up to whole cache lines, for slices of one buffer.</summary>
    public static long AlignedFloats(long count) => (count + 15) / 16 * 16;

    /// <summary>Gives the memory back to its pool.</summary>
    public void Dispose() => owner.Return(address, bytes);
}

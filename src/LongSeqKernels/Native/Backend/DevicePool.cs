using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>
/// Memory of one kind, rented for one run and reused by later ones, because allocating on a device waits for all its work. Like
/// <see cref="ScratchPool"/>, a block that is too small for a request is replaced, not kept beside a larger one, once enough blocks are idle.
/// </summary>
internal sealed class DevicePool(NativeDevice device, LskMemory kind) : IDisposable
{
    /// <summary>Requests are rounded up to this, so that slightly different batches share blocks.</summary>
    private const long Granule = 4096;

    /// <summary>As many tensors as one operation has.</summary>
    private const int MostIdle = 24;

    private readonly Lock _lock = new();
    private readonly List<DeviceMemory> _idle = [];
    private bool _disposed;

    /// <summary>Rents at least this much, with unspecified content.</summary>
    public DeviceMemory Rent(long bytes)
    {
        long size = Math.Max(Granule, (bytes + Granule - 1) / Granule * Granule);
        DeviceMemory? replaced = null;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            int fitting = -1;
            int smallest = -1;
            for (int i = 0; i < _idle.Count; i++)
            {
                if (_idle[i].Bytes >= size && (fitting < 0 || _idle[i].Bytes < _idle[fitting].Bytes))
                {
                    fitting = i;
                }
                if (smallest < 0 || _idle[i].Bytes < _idle[smallest].Bytes)
                {
                    smallest = i;
                }
            }
            if (fitting >= 0)
            {
                return Take(fitting);
            }
            if (_idle.Count >= MostIdle)
            {
                replaced = Take(smallest);
            }
        }
        replaced?.Dispose();
        return DeviceMemory.Allocate<byte>(device, kind, size);
    }

    /// <summary>Gives memory back. Work on it must have been done.</summary>
    public void Return(DeviceMemory memory)
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _idle.Add(memory);
                return;
            }
        }
        memory.Dispose();
    }

    /// <summary>Frees everything; what is still rented is freed when it is given back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _idle.ForEach(memory => memory.Dispose());
            _idle.Clear();
        }
    }

    private DeviceMemory Take(int at)
    {
        DeviceMemory memory = _idle[at];
        _idle.RemoveAt(at);
        return memory;
    }
}

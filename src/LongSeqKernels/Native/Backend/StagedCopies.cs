using System.Diagnostics.CodeAnalysis;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>
/// Copies between pageable host memory and a device through two pinned buffers: while the device copies one, the processor fills or empties the
/// other. Uploads return when the last bytes are staged, downloads when they have arrived.
/// </summary>
internal sealed class StagedCopies : IDisposable
{
    /// <summary>Long enough to run at the speed of the bus.</summary>
    private const int HalfBytes = 4 << 20;

    private readonly DeviceStream _stream;
    private readonly Half[] _halves;
    private int _current;

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "Dispose does.")]
    public StagedCopies(NativeDevice device, DeviceStream stream, int halfBytes = HalfBytes)
    {
        _stream = stream;
        _halves = [new Half(device, halfBytes), new Half(device, halfBytes)];
    }

    public unsafe void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        while (!source.IsEmpty)
        {
            Half half = _halves[_current];
            if (half.Used == half.Memory.Length)
            {
                half.Passed.Record(_stream);
                half = Next();
            }
            int count = Math.Min(source.Length, half.Memory.Length - half.Used);
            source[..count].CopyTo(half.Memory.Span[half.Used..]);
            Lsk.Copy(_stream.Handle, (void*)destination, (void*)(half.Memory.Memory.Address + half.Used), count, (int)LskCopyKind.HostToDevice).ThrowIfFailed();
            half.Used += count;
            source = source[count..];
            destination += count;
        }
    }

    public unsafe void Download(nint source, Span<byte> destination)
    {
        // What was staged for uploads must have left before the halves are overwritten.
        _stream.Synchronize();
        Span<byte> arriving = default;
        while (true)
        {
            Half half = _halves[_current];
            int count = Math.Min(destination.Length, half.Memory.Length);
            if (count > 0)
            {
                Lsk.Copy(_stream.Handle, (void*)half.Memory.Memory.Address, (void*)source, count, (int)LskCopyKind.DeviceToHost).ThrowIfFailed();
                half.Passed.Record(_stream);
            }
            _current ^= 1;
            if (!arriving.IsEmpty)
            {
                _halves[_current].Passed.Synchronize();
                _halves[_current].Memory.Span[..arriving.Length].CopyTo(arriving);
            }
            if (count == 0)
            {
                break;
            }
            arriving = destination[..count];
            destination = destination[count..];
            source += count;
        }
        Reset();
    }

    /// <summary>Forgets what was staged; the stream has passed it.</summary>
    public void Reset()
    {
        _current = 0;
        _halves[0].Used = 0;
        _halves[1].Used = 0;
    }

    public void Dispose() => Array.ForEach(_halves, half => half.Dispose());

    private Half Next()
    {
        _current ^= 1;
        Half half = _halves[_current];
        if (half.Used > 0)
        {
            half.Passed.Synchronize();
            half.Used = 0;
        }
        return half;
    }

    private sealed class Half(NativeDevice device, int bytes) : IDisposable
    {
        public PinnedBuffer<byte> Memory { get; } = device.AllocatePinned<byte>(bytes);

        /// <summary>The stream has copied this half.</summary>
        public DeviceEvent Passed { get; } = device.CreateEvent();

        public int Used { get; set; }

        public void Dispose()
        {
            Memory.Dispose();
            Passed.Dispose();
        }
    }
}

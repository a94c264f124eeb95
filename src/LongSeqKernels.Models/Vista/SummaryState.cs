using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Models;

/// <summary>
/// What a summariser of one layer keeps beside a summary, so that appended events cost only themselves: the state of quasi-linear attention, the partial states of seed
/// pooling, the sums of a sketch, or the newest tokens. Immutable.
/// </summary>
public sealed class SummaryState
{
    private const uint Magic = 0x53_53_4B_4C;
    private const int FormatVersion = 1;
    private const int HeaderBytes = 40;
    private readonly float[] _values;

    internal SummaryState(VistaConfig config, long events, long newestTime, float[] values)
        : this(config.Summariser, config.Seeds, config.Width, config.Heads, events, newestTime, values)
    {
    }

    private SummaryState(SummariserKind kind, int seeds, int width, int heads, long events, long newestTime, float[] values)
    {
        Kind = kind;
        Seeds = seeds;
        Width = width;
        Heads = heads;
        Events = events;
        NewestTime = newestTime;
        _values = values;
    }

    /// <summary>The summariser that it is of.</summary>
    public SummariserKind Kind { get; }

    /// <summary>Number of events in it.</summary>
    public long Events { get; }

    /// <summary>Unix seconds of the newest of them; 0 without events.</summary>
    public long NewestTime { get; }

    internal ReadOnlySpan<float> Values => _values;

    private int Seeds { get; }

    private int Width { get; }

    private int Heads { get; }

    /// <summary>
    /// The binary form: a header of 40 bytes (magic, version, kind, seeds, width, heads, events, newest time) and fp32 numbers, little-endian. It has no checksum of its
    /// own: the store that keeps it has.
    /// </summary>
    public byte[] ToBytes()
    {
        LittleEndian.Require();
        var bytes = new byte[HeaderBytes + (sizeof(float) * _values.Length)];
        Span<byte> header = bytes.AsSpan(0, HeaderBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], (int)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], Seeds);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], Width);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], Heads);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], Events);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], NewestTime);
        MemoryMarshal.AsBytes<float>(_values).CopyTo(bytes.AsSpan(HeaderBytes));
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a summary state, or one of another version.</exception>
    public static SummaryState FromBytes(ReadOnlySpan<byte> bytes)
    {
        LittleEndian.Require();
        if (bytes.Length < HeaderBytes || (bytes.Length - HeaderBytes) % sizeof(float) != 0)
        {
            throw new InvalidDataException($"The summary state has {bytes.Length} bytes; it must have a header of {HeaderBytes} and fp32 numbers after it.");
        }
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
        {
            throw new InvalidDataException("The bytes do not start as a summary state does.");
        }
        int version = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (version != FormatVersion)
        {
            throw new InvalidDataException($"The summary state has the format version {version}; it must be {FormatVersion}.");
        }
        var kind = (SummariserKind)BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        long events = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
        if (!Enum.IsDefined(kind) || events is < 0 or > JaggedLayout.MaxTotal)
        {
            throw new InvalidDataException($"The summary state is one of {events} events by the summariser {kind}; there is no such thing.");
        }
        return new SummaryState(
            kind,
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[20..]),
            events,
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            MemoryMarshal.Cast<byte, float>(bytes[HeaderBytes..]).ToArray());
    }

    /// <summary>Refuses a state that is not of a model's shape.</summary>
    internal void CheckFits(VistaConfig config, int length, string argument)
    {
        if (Kind != config.Summariser || Seeds != config.Seeds || Width != config.Width || Heads != config.Heads || _values.Length != length)
        {
            throw Error.Invalid(
                argument,
                $"of a {Kind} summariser with {Seeds} tokens of width {Width} in {Heads} heads and {_values.Length} numbers",
                $"of a {config.Summariser} summariser with {config.Seeds} tokens of width {config.Width} in {config.Heads} heads and {length} numbers");
        }
    }
}

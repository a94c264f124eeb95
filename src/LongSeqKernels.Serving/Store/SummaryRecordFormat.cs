using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>
/// The bytes of a record. Little-endian: a header of <see cref="HeaderBytes"/> bytes (magic, format, encoding, tokens, width, times, lengths, digest of the state), the names
/// in UTF-8, a fp32 scale per row, the codes, and a digest over all of that: the first 128 bits of SHA-256. The state is kept apart from the record, so that scoring
/// does not read it, and is bound to it by the digest in the header.
/// </summary>
public static class SummaryRecordFormat
{
    /// <summary>The format that this release writes, and the only one it reads.</summary>
    public const int Format = 1;

    /// <summary>The longest name of a user or a version, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 200;

    /// <summary>Bytes in front of the names.</summary>
    public const int HeaderBytes = 72;

    /// <summary>Bytes of a digest.</summary>
    public const int DigestBytes = 16;

    private const uint Magic = 0x524B534C; // "LSKR"
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a record without its state.</summary>
    /// <exception cref="ArgumentException">A field is out of range or the lengths do not fit together; the message says which.</exception>
    public static byte[] Write(SummaryRecord record)
    {
        byte[] user = Name(record.User, nameof(record.User));
        byte[] version = Name(record.Version, nameof(record.Version));
        UserSummary summary = record.Summary;
        if (record.HistoryLength < 0)
        {
            throw Error.Range(nameof(record.HistoryLength), record.HistoryLength, "0 or more");
        }
        var bytes = new byte[HeaderBytes + user.Length + version.Length + (sizeof(float) * summary.Tokens) + summary.Codes.Length + DigestBytes];
        Span<byte> rest = bytes;
        Put(ref rest, Magic);
        Put(ref rest, (ushort)Format);
        Put(ref rest, (ushort)summary.Encoding);
        Put(ref rest, (uint)summary.Tokens);
        Put(ref rest, (uint)summary.Width);
        Put(ref rest, record.HistoryTime);
        Put(ref rest, record.HistoryLength);
        Put(ref rest, record.WrittenTime);
        Put(ref rest, record.ExpiryTime);
        Put(ref rest, (uint)record.State.Length);
        Put(ref rest, (ushort)user.Length);
        Put(ref rest, (ushort)version.Length);
        Put(ref rest, Digest(record.State.Span));
        Put(ref rest, user);
        Put(ref rest, version);
        foreach (float scale in summary.Scales.Span)
        {
            Put(ref rest, BitConverter.SingleToUInt32Bits(scale));
        }
        Put(ref rest, summary.Codes.Span);
        Put(ref rest, Digest(bytes.AsSpan(..^DigestBytes)));
        return bytes;
    }

    /// <summary>Reads a record and checks all of it.</summary>
    /// <param name="bytes">What <see cref="Write"/> gave; the record keeps a reference to it.</param>
    /// <param name="state">The state that was stored beside it, or null when it was not read.</param>
    /// <exception cref="SummaryStoreException">The bytes are not a record (<see cref="StoreFault.Damaged"/>) or one of another format (<see cref="StoreFault.ForeignFormat"/>).</exception>
    public static SummaryRecord Read(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte>? state)
    {
        ReadOnlySpan<byte> rest = bytes.Span;
        if (rest.Length < HeaderBytes + DigestBytes)
        {
            throw Damaged($"it has {rest.Length} bytes; a record has {HeaderBytes + DigestBytes} or more");
        }
        uint magic = TakeUInt32(ref rest);
        int format = TakeUInt16(ref rest);
        if (magic == Magic && format != Format)
        {
            throw new SummaryStoreException(StoreFault.ForeignFormat, $"The record has format {format}; this release reads format {Format}. Summarise again, or use the release that wrote it.");
        }
        if (magic != Magic || !Digest(bytes.Span[..^DigestBytes]).SequenceEqual(bytes.Span[^DigestBytes..]))
        {
            throw Damaged("its bytes do not fit its digest");
        }
        var encoding = (SummaryEncoding)TakeUInt16(ref rest);
        uint tokens = TakeUInt32(ref rest);
        uint width = TakeUInt32(ref rest);
        long historyTime = TakeInt64(ref rest);
        long historyLength = TakeInt64(ref rest);
        long writtenTime = TakeInt64(ref rest);
        long expiryTime = TakeInt64(ref rest);
        uint stateBytes = TakeUInt32(ref rest);
        int userBytes = TakeUInt16(ref rest);
        int versionBytes = TakeUInt16(ref rest);
        ReadOnlySpan<byte> stateDigest = Take(ref rest, DigestBytes);
        // A digest that fits does not prove that the fields do: a record can be forged.
        if (!Enum.IsDefined(encoding) || width is 0 or > Check.MaxWidth || historyLength < 0)
        {
            throw Damaged($"encoding {(int)encoding}, width {width} or history length {historyLength} cannot be");
        }
        long codeBytes = tokens * (long)SummaryCodec.RowBytes(encoding, (int)width);
        if (userBytes + versionBytes + ((long)sizeof(float) * tokens) + codeBytes + DigestBytes != rest.Length)
        {
            throw Damaged($"it has {bytes.Length} bytes, which do not fit {tokens} tokens of width {width}");
        }
        string user = TakeName(ref rest, userBytes);
        string version = TakeName(ref rest, versionBytes);
        var scales = new float[tokens];
        for (int i = 0; i < scales.Length; i++)
        {
            scales[i] = BitConverter.UInt32BitsToSingle(TakeUInt32(ref rest));
        }
        if (state is { } stored && (stored.Length != stateBytes || !Digest(stored.Span).SequenceEqual(stateDigest)))
        {
            throw Damaged("its incremental state does not fit its digest");
        }
        return new SummaryRecord
        {
            User = user,
            Version = version,
            HistoryTime = historyTime,
            HistoryLength = historyLength,
            WrittenTime = writtenTime,
            ExpiryTime = expiryTime,
            Summary = Summary((int)tokens, (int)width, encoding, bytes[^(DigestBytes + (int)codeBytes)..^DigestBytes], scales),
            State = state ?? default,
        };
    }

    /// <summary>The UTF-8 of a name, checked.</summary>
    internal static byte[] Name(string name, string argument)
    {
        byte[] bytes;
        try
        {
            bytes = StrictUtf8.GetBytes(name);
        }
        catch (EncoderFallbackException)
        {
            throw Error.Invalid(argument, "text with half a surrogate pair", "text that UTF-8 can hold");
        }
        return bytes.Length is >= 1 and <= MaxNameBytes && !bytes.Contains((byte)0)
            ? bytes
            : throw Error.Invalid(argument, bytes.Contains((byte)0) ? "a name with NUL" : $"{bytes.Length} bytes long", $"1 to {MaxNameBytes} bytes of UTF-8 without NUL");
    }

    private static UserSummary Summary(int tokens, int width, SummaryEncoding encoding, ReadOnlyMemory<byte> codes, float[] scales)
    {
        try
        {
            return new UserSummary(tokens, width, encoding, codes, scales);
        }
        catch (ArgumentException exception)
        {
            throw Damaged(exception.Message);
        }
    }

    private static SummaryStoreException Damaged(string why) => new(StoreFault.Damaged, $"The record is damaged: {why}. Summarise the user again.");

    private static byte[] Digest(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes)[..DigestBytes];

    private static void Put(ref Span<byte> rest, ReadOnlySpan<byte> value)
    {
        value.CopyTo(rest);
        rest = rest[value.Length..];
    }

    private static void Put(ref Span<byte> rest, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(rest, value);
        rest = rest[sizeof(ushort)..];
    }

    private static void Put(ref Span<byte> rest, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(rest, value);
        rest = rest[sizeof(uint)..];
    }

    private static void Put(ref Span<byte> rest, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(rest, value);
        rest = rest[sizeof(long)..];
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest, int length)
    {
        ReadOnlySpan<byte> taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private static ushort TakeUInt16(ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadUInt16LittleEndian(Take(ref rest, sizeof(ushort)));

    private static uint TakeUInt32(ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadUInt32LittleEndian(Take(ref rest, sizeof(uint)));

    private static long TakeInt64(ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadInt64LittleEndian(Take(ref rest, sizeof(long)));

    private static string TakeName(ref ReadOnlySpan<byte> rest, int length)
    {
        try
        {
            return StrictUtf8.GetString(Take(ref rest, length));
        }
        catch (DecoderFallbackException)
        {
            throw Damaged("a name is not UTF-8");
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;

namespace LongSeqKernels.Models;

/// <summary>
/// Decompresses gzip data and throws where it is cut short. <see cref="GZipStream"/> takes the end of a cut file for the end of the data, so a gzip member
/// with known contents is appended to the compressed bytes: it comes out at the end exactly when all before it was whole.
/// </summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "Disposing this stream disposes the ones below it.")]
internal sealed class WholeGzipStream(Stream compressed) : ForwardStream(Decompressed(compressed))
{
    private static readonly byte[] EndMark = "\0end of the log\0"u8.ToArray();
    private readonly byte[] _buffer = new byte[(1 << 16) + EndMark.Length];
    private int _next;
    private int _end;
    private bool _ended;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }
        // What may be the mark is held back until more follows it.
        while (_end - _next <= EndMark.Length && !_ended)
        {
            _buffer.AsSpan(_next, _end - _next).CopyTo(_buffer);
            _end -= _next;
            _next = 0;
            int length = Below.Read(_buffer.AsSpan(_end));
            _end += length;
            _ended = length == 0;
        }
        if (_ended && !_buffer.AsSpan(_next, _end - _next).SequenceEqual(EndMark))
        {
            throw new InvalidDataException("it ends too early.");
        }
        int count = Math.Min(buffer.Length, _end - _next - EndMark.Length);
        _buffer.AsSpan(_next, count).CopyTo(buffer);
        _next += count;
        return count;
    }

    private static GZipStream Decompressed(Stream compressed) => new(new Appended(compressed, MarkMember()), CompressionMode.Decompress);

    private static byte[] MarkMember()
    {
        using var member = new MemoryStream();
        using (var compressor = new GZipStream(member, CompressionLevel.Fastest))
        {
            compressor.Write(EndMark);
        }
        return member.ToArray();
    }

    /// <summary>A stream and then some bytes more.</summary>
    private sealed class Appended(Stream first, byte[] last) : ForwardStream(first)
    {
        private int _sent;

        public override int Read(Span<byte> buffer)
        {
            int count = Below.Read(buffer);
            if (count == 0)
            {
                count = Math.Min(buffer.Length, last.Length - _sent);
                last.AsSpan(_sent, count).CopyTo(buffer);
                _sent += count;
            }
            return count;
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>A file or a stream to import from, plain or compressed with gzip; which of the two is seen from its first bytes.</summary>
public sealed class LogSource
{
    private readonly Func<Stream> _open;

    private LogSource(string name, Func<Stream> open)
    {
        Name = name;
        _open = open;
    }

    /// <summary>How messages call it.</summary>
    public string Name { get; }

    /// <summary>A file; it is opened when the import reads it.</summary>
    public static LogSource File(string path) => new(path, () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan));

    /// <summary>A stream, which the import reads once and disposes.</summary>
    /// <param name="name">How messages call it, <c>standard input</c> say.</param>
    /// <param name="stream">The contents.</param>
    public static LogSource Stream(string name, Stream stream) => new(name, () => stream);

    /// <summary>Opens it for reading, decompressed.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal Stream Open()
    {
        var stream = _open();
        try
        {
            // Four bytes hold the mark of gzip and every byte order mark, which must come in one piece for the text to be decoded.
            var start = new byte[4];
            int length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            var whole = new PrefixedStream(start.AsMemory(0, length), stream);
            return length >= 2 && start[0] == 0x1F && start[1] == 0x8B ? new WholeGzipStream(whole) : whole;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>A stream whose first bytes have been read already.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ForwardStream(rest)
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override int Read(Span<byte> buffer)
        {
            if (_prefix.IsEmpty)
            {
                return Below.Read(buffer);
            }
            int length = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..length].CopyTo(buffer);
            _prefix = _prefix[length..];
            return length;
        }
    }
}

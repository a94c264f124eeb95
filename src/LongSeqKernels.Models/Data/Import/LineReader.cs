using System.Text;

namespace LongSeqKernels.Models;

/// <summary>
/// Reads a file line by line without ever holding more of a line than <see cref="MaxLineLength"/>. Text is UTF-8 (or UTF-16 with a byte order mark);
/// bytes that are neither become U+FFFD. Lines end with LF or CR LF.
/// </summary>
internal sealed class LineReader : IDisposable
{
    /// <summary>Characters of a line beyond this are dropped and <see cref="TooLong"/> is set.</summary>
    public const int MaxLineLength = 1 << 20;

    private readonly StreamReader _reader;
    private readonly char[] _buffer = new char[1 << 16];
    private char[] _line = new char[1024];
    private int _lineLength;
    private int _next;
    private int _end;

    public LineReader(LogSource source)
    {
        Name = source.Name;
        _reader = new StreamReader(source.Open(), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true, 1 << 16);
    }

    /// <summary>Name of the file.</summary>
    public string Name { get; }

    /// <summary>The line that was read last, without its end.</summary>
    public ReadOnlySpan<char> Line => _line.AsSpan(0, _lineLength);

    /// <summary>Whether that line was longer than <see cref="MaxLineLength"/> and was cut.</summary>
    public bool TooLong { get; private set; }

    /// <summary>Number of that line, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>Reads a line; false at the end of the file.</summary>
    /// <exception cref="InvalidDataException">Compressed data is broken.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public bool Read()
    {
        _lineLength = 0;
        TooLong = false;
        bool any = false;
        while (_next < _end || Fill())
        {
            any = true;
            var rest = _buffer.AsSpan(_next, _end - _next);
            int newLine = rest.IndexOf('\n');
            Append(newLine < 0 ? rest : rest[..newLine]);
            _next += newLine < 0 ? rest.Length : newLine + 1;
            if (newLine >= 0)
            {
                break;
            }
        }
        if (_lineLength > 0 && _line[_lineLength - 1] == '\r')
        {
            _lineLength--;
        }
        Number += any ? 1 : 0;
        return any;
    }

    public void Dispose() => _reader.Dispose();

    private bool Fill()
    {
        try
        {
            _next = 0;
            _end = _reader.Read(_buffer);
            return _end > 0;
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{Name}:{Number + 1}: its compressed data is broken or cut short: {exception.Message}", exception);
        }
    }

    private void Append(ReadOnlySpan<char> text)
    {
        if (text.Length > MaxLineLength - _lineLength)
        {
            TooLong = true;
            text = text[..(MaxLineLength - _lineLength)];
        }
        if (text.Length > _line.Length - _lineLength)
        {
            Array.Resize(ref _line, Math.Max(_line.Length * 2, _lineLength + text.Length));
        }
        text.CopyTo(_line.AsSpan(_lineLength));
        _lineLength += text.Length;
    }
}

namespace LongSeqKernels.Models;

/// <summary>The rows of a delimited file. A row is a line; a quoted field that does not end on its line makes the row a bad one.</summary>
internal sealed class DelimitedRows : IDisposable
{
    private const int MaxFields = 4096;
    private readonly LineReader _lines;
    private readonly string _delimiter;
    private readonly QuoteRule _quotes;
    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);
    private readonly HashSet<string> _doubled = new(StringComparer.Ordinal);
    private readonly List<(int Start, int Length)> _fields = [];
    private readonly int _columnCount;
    private readonly bool _hasHeader;
    private char[] _row = [];

    /// <summary>Opens a file and reads its header, if it has one.</summary>
    public DelimitedRows(LogSource source, string delimiter, QuoteRule quotes, IReadOnlyList<string> columnNames)
    {
        if (delimiter.Length == 0)
        {
            throw new ArgumentException("delimiter is empty; it must be one character or more.", nameof(delimiter));
        }
        File = source.Name;
        _delimiter = delimiter;
        _quotes = quotes;
        _lines = new LineReader(source);
        try
        {
            var names = columnNames;
            if (names.Count == 0)
            {
                _hasHeader = true;
                if (!ReadLine())
                {
                    throw new InvalidDataException($"{File} is empty; it must begin with a header line.");
                }
                if (Fault is { } fault)
                {
                    throw new InvalidDataException($"{File}:{Line}: the header line is bad: {fault}.");
                }
                names = [.. Enumerable.Range(0, _fields.Count).Select(field => this[field].Trim().ToString())];
            }
            _columnCount = names.Count;
            for (int i = 0; i < names.Count; i++)
            {
                if (!_columns.TryAdd(names[i], i))
                {
                    _doubled.Add(names[i]);
                }
            }
        }
        catch
        {
            _lines.Dispose();
            throw;
        }
    }

    /// <summary>Name of the file.</summary>
    public string File { get; }

    /// <summary>Line number of the row that was read last.</summary>
    public long Line => _lines.Number;

    /// <summary>What is wrong with that row as a whole, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>A field of that row.</summary>
    public ReadOnlySpan<char> this[int field] => _row.AsSpan(_fields[field].Start, _fields[field].Length);

    /// <summary>The number of a column that must be there.</summary>
    /// <exception cref="InvalidDataException">It is not there, or there are two.</exception>
    public int Column(string name) =>
        !_columns.TryGetValue(name, out int column)
            ? throw new InvalidDataException($"{File} has no column '{name}'; {(_hasHeader ? "its header" : "the format")} has {Columns()}.")
        : _doubled.Contains(name)
            ? throw new InvalidDataException($"{File} has two columns '{name}'; a column that is used must have a name of its own.")
        : column;

    /// <summary>Whether there is a column of that name.</summary>
    public bool HasColumn(string name) => _columns.ContainsKey(name);

    /// <summary>The number of an optional column or -1: one that is named must be there, otherwise the default one is taken if it is there.</summary>
    public int OptionalColumn(string? name, string byDefault) =>
        name is not null || _columns.ContainsKey(byDefault) ? Column(name ?? byDefault) : -1;

    /// <summary>Reads the next row that is not empty; false at the end of the file.</summary>
    public bool Read()
    {
        if (!ReadLine())
        {
            return false;
        }
        if (Fault is null && _fields.Count != _columnCount)
        {
            Fault = $"the row has {_fields.Count} fields; it must have {_columnCount}";
        }
        return true;
    }

    public void Dispose() => _lines.Dispose();

    private string Columns() => string.Join(", ", _columns.Keys.Take(20).Select(name => $"'{ImportText.Shown(name)}'"));

    private bool ReadLine()
    {
        do
        {
            if (!_lines.Read())
            {
                return false;
            }
        }
        while (_lines.Line.IsEmpty);
        _fields.Clear();
        Fault = _lines.TooLong ? $"the line has more than {LineReader.MaxLineLength} characters" : Split(_lines.Line);
        return true;
    }

    private string? Split(ReadOnlySpan<char> line)
    {
        if (_row.Length < line.Length)
        {
            _row = new char[line.Length * 2];
        }
        int end = 0;
        while (true)
        {
            if (_fields.Count == MaxFields)
            {
                return $"the row has more than {MaxFields} fields";
            }
            int start = end;
            bool quoted = _quotes == QuoteRule.Double && !line.IsEmpty && line[0] == '"';
            int length = quoted ? Unquote(line, ref end) : line.IndexOf(_delimiter, StringComparison.Ordinal);
            if (quoted && length < 0)
            {
                return "a quoted field is not closed on its line";
            }
            if (!quoted)
            {
                length = length < 0 ? line.Length : length;
                line[..length].CopyTo(_row.AsSpan(end));
                end += length;
            }
            _fields.Add((start, end - start));
            line = line[length..];
            if (line.IsEmpty)
            {
                return null;
            }
            if (!line.StartsWith(_delimiter, StringComparison.Ordinal))
            {
                return "a quoted field is followed by other text";
            }
            line = line[_delimiter.Length..];
        }
    }

    /// <summary>Copies what stands between quotes to the row; gives the length of the field in the line, or -1 when the quotes are not closed.</summary>
    private int Unquote(ReadOnlySpan<char> line, ref int end)
    {
        for (int i = 1; i < line.Length; i++)
        {
            if (line[i] != '"')
            {
                _row[end++] = line[i];
            }
            else if (i + 1 < line.Length && line[i + 1] == '"')
            {
                _row[end++] = line[i++];
            }
            else
            {
                return i + 1;
            }
        }
        return -1;
    }
}

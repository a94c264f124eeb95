namespace LongSeqKernels.Models;

/// <summary>Gives names dense numbers from 0, in the order in which they are met.</summary>
internal sealed class NameTable
{
    private readonly List<string> _names = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;

    public NameTable() => _bySpan = _numbers.GetAlternateLookup<ReadOnlySpan<char>>();

    public int Count => _names.Count;

    public string this[int number] => _names[number];

    /// <summary>The number of a name, new if need be.</summary>
    public int Number(ReadOnlySpan<char> name)
    {
        if (_bySpan.TryGetValue(name, out int number))
        {
            return number;
        }
        number = _names.Count;
        string text = name.ToString();
        _names.Add(text);
        _numbers.Add(text, number);
        return number;
    }
}

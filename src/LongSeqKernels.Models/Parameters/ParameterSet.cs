namespace LongSeqKernels.Models;

/// <summary>
/// All weights of a model: dense tensors in one flat fp32 storage with their gradients beside them, and embedding tables with row-sparse gradients.
/// Names are unique and the order is that of declaration, so two sets of one configuration have the same layout.
/// </summary>
public sealed class ParameterSet
{
    private readonly List<Parameter> _parameters = [];
    private readonly List<EmbeddingTable> _tables = [];
    private readonly HashSet<string> _names = [];
    private float[] _values = [];
    private float[] _gradients = [];
    private int _length;

    /// <summary>The dense tensors, in order of declaration.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>The embedding tables, in order of declaration.</summary>
    public IReadOnlyList<EmbeddingTable> Tables => _tables;

    /// <summary>All dense values, tensor after tensor.</summary>
    public Span<float> DenseValues => _values.AsSpan(0, _length);

    /// <summary>All dense gradients, tensor after tensor.</summary>
    public Span<float> DenseGradients => _gradients.AsSpan(0, _length);

    /// <summary>Number of weights, tables included.</summary>
    public long Count => _length + _tables.Sum(table => (long)table.Rows * table.Width);

    /// <summary>
    /// Counts the changes of the values; whatever is derived from them (rearranged copies) is stale when it moved on. Whoever writes values calls <see cref="MarkChanged"/>.
    /// </summary>
    public long Version { get; private set; }

    /// <summary>Says that values were written.</summary>
    public void MarkChanged() => Version++;

    internal Memory<float> DenseMemory => _values.AsMemory(0, _length);

    /// <summary>Sets all gradients to 0.</summary>
    public void ClearGradients()
    {
        DenseGradients.Clear();
        foreach (EmbeddingTable table in _tables)
        {
            table.ClearGradient();
        }
    }

    internal Parameter Add(string name, ParameterKind kind, params ReadOnlySpan<int> shape)
    {
        Register(name);
        var parameter = new Parameter(this, name, kind, _length, shape);
        _length = checked(_length + parameter.Length);
        if (_length > _values.Length)
        {
            Array.Resize(ref _values, (int)Math.Max(_length, Math.Min(2L * _values.Length, Array.MaxLength)));
            Array.Resize(ref _gradients, _values.Length);
        }
        _parameters.Add(parameter);
        return parameter;
    }

    internal EmbeddingTable AddTable(string name, int rows, int width)
    {
        Register(name);
        var table = new EmbeddingTable(name, rows, width);
        _tables.Add(table);
        return table;
    }

    private void Register(string name)
    {
        if (!_names.Add(name))
        {
            throw Error.Invalid("name", $"\"{name}\"", "a name that no other parameter has");
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>What a parameter is, for the optimiser.</summary>
public enum ParameterKind
{
    /// <summary>A matrix of a linear map: weight decay applies.</summary>
    Matrix,

    /// <summary>A bias, or a norm's gain or bias: no weight decay.</summary>
    Vector,

    /// <summary>A small embedding table, whose gradient is dense: no weight decay.</summary>
    Table,
}

/// <summary>A named dense tensor of a model with its gradient, both views into the flat storage of a <see cref="ParameterSet"/>.</summary>
public sealed class Parameter
{
    private readonly ParameterSet _set;
    private readonly int _start;

    internal Parameter(ParameterSet set, string name, ParameterKind kind, int start, params ReadOnlySpan<int> shape)
    {
        _set = set;
        _start = start;
        Name = name;
        Kind = kind;
        Shape = shape.ToArray();
        Length = 1;
        foreach (int extent in shape)
        {
            Length = checked(Length * extent);
        }
    }

    /// <summary>The name, as it is stored.</summary>
    public string Name { get; }

    /// <summary>What it is.</summary>
    public ParameterKind Kind { get; }

    /// <summary>Extents; a matrix is <c>[input, output]</c>.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    /// <summary>The values.</summary>
    public Span<float> Values => _set.DenseValues.Slice(_start, Length);

    /// <summary>The gradient of the last backward run.</summary>
    public Span<float> Gradient => _set.DenseGradients.Slice(_start, Length);

    /// <summary>First element in the flat storage.</summary>
    internal int Start => _start;
}

namespace LongSeqKernels.Models;

/// <summary>What a safetensors header says of one tensor.</summary>
public sealed class SafetensorsTensor
{
    internal SafetensorsTensor(string name, SafetensorsType type, long[] shape, long begin, long end)
    {
        Name = name;
        Type = type;
        Shape = shape;
        Begin = begin;
        End = end;
    }

    /// <summary>Name of the tensor, unique in its file.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public SafetensorsType Type { get; }

    /// <summary>Extents, slowest first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of elements: the product of <see cref="Shape"/>.</summary>
    public long ElementCount => (End - Begin) / SafetensorsTypes.Size(Type);

    /// <summary>First byte, counted from the end of the header.</summary>
    internal long Begin { get; }

    /// <summary>One past the last byte, counted from the end of the header.</summary>
    internal long End { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {SafetensorsTypes.Name(Type)} [{string.Join(", ", Shape)}]";
}

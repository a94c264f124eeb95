using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// A named embedding table <c>[rows, width]</c>, one row per item or category, whose gradient holds only the rows that a batch touched, in the order in which
/// it touched them first.
/// </summary>
public sealed class EmbeddingTable
{
    private readonly int[] _slots;
    private readonly List<int> _touched = [];
    private float[] _gradient = [];

    internal EmbeddingTable(string name, int rows, int width)
    {
        if ((long)rows * width > Array.MaxLength)
        {
            throw Error.Invalid(name, $"a table of {rows} rows of {width} elements", $"of at most {Array.MaxLength} elements");
        }
        Name = name;
        Rows = rows;
        Width = width;
        Storage = new float[rows * width];
        _slots = new int[rows];
        Array.Fill(_slots, -1);
    }

    /// <summary>The name, as it is stored.</summary>
    public string Name { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Elements of a row.</summary>
    public int Width { get; }

    /// <summary>All rows.</summary>
    public Span<float> Values => Storage;

    /// <summary>The rows that have a gradient, each once.</summary>
    public ReadOnlySpan<int> TouchedRows => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_touched);

    /// <summary>Gradients of <see cref="TouchedRows"/>, in their order <c>[touched, width]</c>.</summary>
    public Span<float> Gradient => _gradient.AsSpan(0, _touched.Count * Width);

    internal float[] Storage { get; }

    /// <summary>One row.</summary>
    public Span<float> Row(int row) => Storage.AsSpan(row * Width, Width);

    /// <summary>Copies the rows named by <paramref name="ids"/> to <paramref name="rows"/>.</summary>
    internal void Gather(ReadOnlySpan<int> ids, Span<float> rows)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            Row(ids[i]).CopyTo(rows.Slice(i * Width, Width));
        }
    }

    /// <summary>Adds the category rows of the items named by <paramref name="ids"/> to <paramref name="rows"/>.</summary>
    internal void GatherAdd(ReadOnlySpan<int> ids, ReadOnlySpan<int> rowOfId, Span<float> rows)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            Span<float> row = rows.Slice(i * Width, Width);
            TensorPrimitives.Add(row, Row(rowOfId[ids[i]]), row);
        }
    }

    /// <summary>Adds row gradients to the rows named by <paramref name="ids"/> (through <paramref name="rowOfId"/> where it is not empty), in their order.</summary>
    internal void AddGradient(ReadOnlySpan<int> ids, ReadOnlySpan<int> rowOfId, ReadOnlySpan<float> gradients)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            Span<float> row = GradientRow(rowOfId.IsEmpty ? ids[i] : rowOfId[ids[i]]);
            TensorPrimitives.Add(row, gradients.Slice(i * Width, Width), row);
        }
    }

    internal void ClearGradient()
    {
        foreach (int row in _touched)
        {
            _slots[row] = -1;
        }
        _touched.Clear();
    }

    private Span<float> GradientRow(int row)
    {
        int slot = _slots[row];
        if (slot >= 0)
        {
            return _gradient.AsSpan(slot * Width, Width);
        }
        slot = _touched.Count;
        if ((slot + 1) * Width > _gradient.Length)
        {
            Array.Resize(ref _gradient, (int)Math.Max(64L * Width, Math.Min(2L * _gradient.Length, Storage.Length)));
        }
        _slots[row] = slot;
        _touched.Add(row);
        Span<float> fresh = _gradient.AsSpan(slot * Width, Width);
        fresh.Clear();
        return fresh;
    }
}

namespace LongSeqKernels.Bindings;

/// <summary>Where C puts the fields of a struct on a 64-bit machine: every type is aligned to its own size.</summary>
internal static class StructLayout
{
    private const int PointerSize = 8;

    /// <summary>The scalar types of the subset and their sizes.</summary>
    public static readonly IReadOnlyDictionary<string, int> Scalars = new Dictionary<string, int>
    {
        ["int8_t"] = 1,
        ["uint8_t"] = 1,
        ["int16_t"] = 2,
        ["uint16_t"] = 2,
        ["int32_t"] = 4,
        ["uint32_t"] = 4,
        ["int64_t"] = 8,
        ["uint64_t"] = 8,
        ["float"] = 4,
        ["double"] = 8,
    };

    public static HeaderStruct Place(string name, IReadOnlyList<(string Name, HeaderType Type, string Doc)> fields, string doc)
    {
        var placed = new List<HeaderField>();
        int end = 0;
        int alignment = 1;
        foreach ((string field, HeaderType type, string fieldDoc) in fields)
        {
            int size = type.Pointers > 0 ? PointerSize : Scalars[type.Name];
            int offset = (end + size - 1) / size * size;
            placed.Add(new HeaderField(field, type, offset, fieldDoc));
            end = offset + size;
            alignment = Math.Max(alignment, size);
        }
        return new HeaderStruct(name, placed, (end + alignment - 1) / alignment * alignment, doc);
    }
}

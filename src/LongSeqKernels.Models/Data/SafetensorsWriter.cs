using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// Collects tensors, then writes them as one safetensors file. The tensors' memory is referenced, not copied, until then. The bytes of a file depend
/// on its tensors and metadata alone, not on the order in which they were added; widest types come first, so that every tensor is aligned.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int Alignment = 8;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor.</summary>
    /// <typeparam name="T">Element type.</typeparam>
    /// <param name="name">Name, unique in the file.</param>
    /// <param name="values">The elements, read when the file is written.</param>
    /// <param name="shape">Extents, slowest first; none for a scalar. Their product is the number of elements.</param>
    /// <exception cref="ArgumentException">The name is taken or no valid text, or the shape does not match the number of elements.</exception>
    public void Add<T>(string name, ReadOnlyMemory<T> values, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        CheckText(name, nameof(name));
        var type = SafetensorsTypes.Of<T>();
        long bytes = (long)values.Length * SafetensorsTypes.Size(type);
        if (SafetensorsTypes.ByteLength(shape, type) != bytes)
        {
            throw new ArgumentException($"shape of tensor '{name}' is [{string.Join(", ", shape.ToArray())}]; it must have {values.Length} elements.", nameof(shape));
        }
        var entry = new Entry(type, shape.ToArray(), bytes, stream => WriteValues(stream, values.Span));
        if (name == "__metadata__" || !_entries.TryAdd(name, entry))
        {
            throw new ArgumentException($"name is '{name}', which is taken; it must be unique.", nameof(name));
        }
    }

    /// <summary>Adds a string to <c>__metadata__</c>, or replaces it.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ArgumentException">Key or value are no valid text (unpaired surrogates).</exception>
    public void SetMetadata(string key, string value)
    {
        CheckText(key, nameof(key));
        CheckText(value, nameof(value));
        _metadata[key] = value;
    }

    /// <summary>Writes the file as <see cref="AtomicFile"/> does: whole or not at all.</summary>
    /// <param name="path">The destination; its directory must exist.</param>
    /// <exception cref="IOException">The file cannot be written (a full disk, a missing directory); an older file of that name is intact.</exception>
    public void Save(string path)
    {
        LittleEndian.Require();
        AtomicFile.Write(path, Write);
    }

    private void Write(Stream stream)
    {
        var ordered = _entries.OrderByDescending(entry => SafetensorsTypes.Size(entry.Value.Type)).ThenBy(entry => entry.Key, StringComparer.Ordinal).ToList();
        var header = new ArrayBufferWriter<byte>();
        WriteHeader(header, ordered);
        // Spaces, which JSON ignores, align the data.
        int padding = -header.WrittenCount & (Alignment - 1);
        header.GetSpan(padding)[..padding].Fill((byte)' ');
        header.Advance(padding);
        if (header.WrittenCount > SafetensorsFile.MaxHeaderLength)
        {
            throw new InvalidOperationException($"The header has {header.WrittenCount} bytes; it must have at most {SafetensorsFile.MaxHeaderLength}.");
        }
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.WrittenCount);
        stream.Write(length);
        stream.Write(header.WrittenSpan);
        foreach (var (_, entry) in ordered)
        {
            entry.WriteValues(stream);
        }
    }

    private void WriteHeader(ArrayBufferWriter<byte> header, List<KeyValuePair<string, Entry>> ordered)
    {
        using var json = new Utf8JsonWriter(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        if (_metadata.Count > 0)
        {
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in _metadata)
            {
                json.WriteString(key, value);
            }
            json.WriteEndObject();
        }
        long begin = 0;
        foreach (var (name, entry) in ordered)
        {
            json.WriteStartObject(name);
            json.WriteString("dtype", SafetensorsTypes.Name(entry.Type));
            WriteNumbers(json, "shape", entry.Shape);
            WriteNumbers(json, "data_offsets", [begin, begin + entry.ByteLength]);
            json.WriteEndObject();
            begin += entry.ByteLength;
        }
        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
    }

    private static void WriteValues<T>(Stream stream, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        // A span of bytes ends at 2^31, an array of elements does not: write in parts.
        const int Part = 1 << 24;
        for (int first = 0; first < values.Length; first += Part)
        {
            stream.Write(MemoryMarshal.AsBytes(values.Slice(first, Math.Min(Part, values.Length - first))));
        }
    }

    private static void CheckText(string text, string argument)
    {
        try
        {
            StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException exception)
        {
            throw new ArgumentException($"{argument} is no valid text: it has unpaired surrogates.", argument, exception);
        }
    }

    private sealed record Entry(SafetensorsType Type, long[] Shape, long ByteLength, Action<Stream> WriteValues);
}

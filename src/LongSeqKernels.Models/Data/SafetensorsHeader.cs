using System.Text;
using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// Reads the JSON header of a safetensors file: the structure first (names, types, shapes, offsets), then the layout (the tensors tile the
/// data without overlap or hole). Everything that does not hold is an <see cref="InvalidDataException"/> that names file, tensor and value.
/// </summary>
internal ref struct SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";
    private readonly string _file;
    private Utf8JsonReader _reader;

    private SafetensorsHeader(string file, ReadOnlySpan<byte> json)
    {
        _file = file;
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
    }

    /// <summary>Parses a header and checks it against the number of data bytes that follow it.</summary>
    public static (Dictionary<string, SafetensorsTensor> Tensors, Dictionary<string, string> Metadata) Parse(
        string file, ReadOnlySpan<byte> json, long dataLength)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw Bad(file, "its header does not begin with '{'.");
        }
        var header = new SafetensorsHeader(file, json);
        try
        {
            var (tensors, metadata) = header.ReadObject();
            CheckLayout(file, tensors.Values, dataLength);
            return (tensors, metadata);
        }
        catch (JsonException exception)
        {
            throw Bad(file, $"its header is not valid JSON: {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // The JSON reader reports broken UTF-8 and broken escapes inside strings this way.
            throw Bad(file, $"its header holds a string that is not valid UTF-8: {exception.Message}", exception);
        }
    }

    public static InvalidDataException Bad(string file, string what, Exception? inner = null) => new($"{file} is no valid safetensors file: {what}", inner);

    private (Dictionary<string, SafetensorsTensor> Tensors, Dictionary<string, string> Metadata) ReadObject()
    {
        var tensors = new Dictionary<string, SafetensorsTensor>(StringComparer.Ordinal);
        Dictionary<string, string>? metadata = null;
        Expect(JsonTokenType.StartObject, "the header");
        while (Next() != JsonTokenType.EndObject)
        {
            string name = _reader.GetString()!;
            if (name == MetadataKey)
            {
                metadata = metadata is null ? ReadMetadata() : throw Bad(_file, $"its header has {MetadataKey} twice.");
            }
            else if (!tensors.TryAdd(name, ReadTensor(name)))
            {
                throw Bad(_file, $"its header has tensor '{Shown(name)}' twice.");
            }
        }
        // Only white space may follow: the reader throws for anything else.
        _reader.Read();
        return (tensors, metadata ?? new Dictionary<string, string>(StringComparer.Ordinal));
    }

    private Dictionary<string, string> ReadMetadata()
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        Expect(JsonTokenType.StartObject, MetadataKey);
        while (Next() != JsonTokenType.EndObject)
        {
            string key = _reader.GetString()!;
            Expect(JsonTokenType.String, $"{MetadataKey} '{Shown(key)}'");
            if (!metadata.TryAdd(key, _reader.GetString()!))
            {
                throw Bad(_file, $"{MetadataKey} has '{Shown(key)}' twice.");
            }
        }
        return metadata;
    }

    private SafetensorsTensor ReadTensor(string name)
    {
        string shown = $"tensor '{Shown(name)}'";
        string? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        Expect(JsonTokenType.StartObject, shown);
        while (Next() != JsonTokenType.EndObject)
        {
            string field = _reader.GetString()!;
            if ((field == "dtype" && dtype is not null) || (field == "shape" && shape is not null) || (field == "data_offsets" && offsets is not null))
            {
                throw Bad(_file, $"{shown} has {field} twice.");
            }
            switch (field)
            {
                case "dtype":
                    Expect(JsonTokenType.String, $"dtype of {shown}");
                    dtype = _reader.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers($"shape of {shown}");
                    break;
                case "data_offsets":
                    offsets = ReadNumbers($"data_offsets of {shown}");
                    break;
                default:
                    Next();
                    _reader.Skip();
                    break;
            }
        }
        if (dtype is null || shape is null || offsets is null)
        {
            throw Bad(_file, $"{shown} has no {(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}.");
        }
        var type = SafetensorsTypes.Parse(dtype)
            ?? throw Bad(_file, $"{shown} has dtype '{Shown(dtype)}'; it must be one of BOOL U8 I8 U16 I16 F16 BF16 U32 I32 F32 U64 I64 F64.");
        if (offsets.Length != 2 || offsets[1] < offsets[0])
        {
            throw Bad(_file, $"{shown} has data_offsets [{Shown(offsets)}]; they must be [begin, end] with begin <= end.");
        }
        long mustBe = SafetensorsTypes.ByteLength(shape, type);
        if (mustBe < 0)
        {
            throw Bad(_file, $"{shown} has shape [{Shown(shape)}], more than 2^63 bytes.");
        }
        if (mustBe != offsets[1] - offsets[0])
        {
            throw Bad(_file, $"{shown} has {offsets[1] - offsets[0]} bytes; shape [{Shown(shape)}] of {dtype} must have {mustBe}.");
        }
        return new SafetensorsTensor(name, type, shape, offsets[0], offsets[1]);
    }

    private long[] ReadNumbers(string meaning)
    {
        var numbers = new List<long>();
        Expect(JsonTokenType.StartArray, meaning);
        while (Next() != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt64(out long number) || number < 0)
            {
                string was = _reader.TokenType == JsonTokenType.Number ? Shown(Encoding.UTF8.GetString(_reader.ValueSpan)) : $"a {_reader.TokenType}";
                throw Bad(_file, $"{meaning} contains {was}; it must contain whole numbers from 0 to 2^63 - 1.");
            }
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private JsonTokenType Next()
    {
        // With the whole header given as the final block, Read throws for a header that ends early.
        _reader.Read();
        return _reader.TokenType;
    }

    private void Expect(JsonTokenType type, string meaning)
    {
        if (Next() != type)
        {
            throw Bad(_file, $"{meaning} is a {_reader.TokenType}; it must be a {type}.");
        }
    }

    private static void CheckLayout(string file, IEnumerable<SafetensorsTensor> tensors, long dataLength)
    {
        long end = 0;
        string before = "the start of the data";
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End))
        {
            string shown = $"tensor '{Shown(tensor.Name)}'";
            if (tensor.End > dataLength)
            {
                throw Bad(file, $"{shown} ends at data byte {tensor.End}, but the file has {dataLength} data bytes (truncated?).");
            }
            if (tensor.Begin != end)
            {
                throw Bad(file, $"{shown} begins at data byte {tensor.Begin}; it must begin at {end}, right after {before}"
                    + (tensor.Begin < end ? " (they overlap)." : " (there is a hole)."));
            }
            end = tensor.End;
            before = shown;
        }
        if (end != dataLength)
        {
            throw Bad(file, $"it has {dataLength} data bytes, but its tensors end at {end}.");
        }
    }

    private static string Shown(long[] numbers) => Shown(string.Join(", ", numbers.Take(16)) + (numbers.Length > 16 ? ", ..." : ""));

    /// <summary>Text of a file as it may appear in a message: short, without control characters.</summary>
    private static string Shown(string text)
    {
        string cut = text.Length > 100 ? string.Concat(text.AsSpan(0, 100), "...") : text;
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
            }
        });
    }
}

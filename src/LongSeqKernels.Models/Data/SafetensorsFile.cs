using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LongSeqKernels.Models;

/// <summary>
/// A safetensors file, opened for reading. The header is read and checked when the file is opened: sizes, types, shapes and offsets agree with
/// each other and with the length of the file. Tensors are read when asked for. Reading is thread-safe.
/// </summary>
/// <remarks>Format: 8 bytes little-endian header length, JSON header, data. See the safetensors repository, "Format".</remarks>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>Headers above this many bytes are refused, as the reference implementation does.</summary>
    public const int MaxHeaderLength = 100_000_000;

    private const int LengthBytes = 8;
    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsTensor> _tensors;
    private readonly long _dataStart;

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        long fileLength = RandomAccess.GetLength(handle);
        if (fileLength < LengthBytes)
        {
            throw SafetensorsHeader.Bad(path, $"it has {fileLength} bytes; it must have 8 or more.");
        }
        Span<byte> length = stackalloc byte[LengthBytes];
        ReadExactly(length, 0);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (headerLength > MaxHeaderLength || (long)headerLength > fileLength - LengthBytes)
        {
            throw SafetensorsHeader.Bad(
                path, $"its header claims {headerLength} bytes; it must have at most {Math.Min(MaxHeaderLength, fileLength - LengthBytes)} (the file has {fileLength}).");
        }
        var header = new byte[headerLength];
        ReadExactly(header, LengthBytes);
        _dataStart = LengthBytes + (long)headerLength;
        (_tensors, var metadata) = SafetensorsHeader.Parse(path, header, fileLength - _dataStart);
        Metadata = metadata;
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>Opens a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file is no valid safetensors file; the message says what was and what must be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        LittleEndian.Require();
        var handle = File.OpenHandle(path);
        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads a whole tensor.</summary>
    /// <typeparam name="T">The tensor's element type; BOOL is read as <see cref="byte"/>.</typeparam>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="shape">The shape that it must have; none to accept any.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another type or shape.</exception>
    public T[] Read<T>(string name, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = Find<T>(name);
        if (!shape.IsEmpty && !shape.SequenceEqual((long[])tensor.Shape))
        {
            throw new InvalidDataException($"{Path}: tensor '{name}' has shape [{string.Join(", ", tensor.Shape)}]; it must have [{string.Join(", ", shape.ToArray())}].");
        }
        if (tensor.ElementCount > Array.MaxLength)
        {
            throw new InvalidDataException($"{Path}: tensor '{name}' has {tensor.ElementCount} elements, too many for one array; read it in parts.");
        }
        var values = GC.AllocateUninitializedArray<T>((int)tensor.ElementCount);
        Read(name, 0, values.AsSpan());
        return values;
    }

    /// <summary>Reads a part of a tensor, for tensors that are streamed.</summary>
    /// <typeparam name="T">The tensor's element type; BOOL is read as <see cref="byte"/>.</typeparam>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="first">Number of the first element, counted over the whole tensor.</param>
    /// <param name="destination">Takes as many elements as it has room for; all of them must exist.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, it has another type, or the file has shrunk since it was opened.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part exceeds the tensor.</exception>
    public void Read<T>(string name, long first, Span<T> destination)
        where T : unmanaged
    {
        var tensor = Find<T>(name);
        if (first < 0 || first > tensor.ElementCount - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(first), first, $"first is {first} with {destination.Length} elements to read; tensor '{name}' has {tensor.ElementCount}.");
        }
        ReadExactly(MemoryMarshal.AsBytes(destination), _dataStart + tensor.Begin + (first * SafetensorsTypes.Size(tensor.Type)));
    }

    /// <summary>Reads a whole tensor of any floating-point type as fp32.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or it is not of type F32, F16, BF16 or F64.</exception>
    public float[] ReadSingles(string name) => Find(name).Type switch
    {
        SafetensorsType.F32 => Read<float>(name),
        SafetensorsType.F16 => Array.ConvertAll(Read<Half>(name), value => (float)value),
        SafetensorsType.BF16 => Array.ConvertAll(Read<BFloat16>(name), value => value.ToSingle()),
        SafetensorsType.F64 => Array.ConvertAll(Read<double>(name), value => (float)value),
        var type => throw new InvalidDataException($"{Path}: tensor '{name}' has dtype {SafetensorsTypes.Name(type)}; it must be F32, F16, BF16 or F64."),
    };

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private SafetensorsTensor Find(string name) =>
        _tensors.GetValueOrDefault(name) ?? throw new InvalidDataException($"{Path} has no tensor '{name}'.");

    private SafetensorsTensor Find<T>(string name)
        where T : unmanaged
    {
        var tensor = Find(name);
        var stored = tensor.Type == SafetensorsType.Bool ? SafetensorsType.U8 : tensor.Type;
        var asked = SafetensorsTypes.Of<T>();
        return stored == asked
            ? tensor
            : throw new InvalidDataException($"{Path}: tensor '{name}' has dtype {SafetensorsTypes.Name(tensor.Type)}; it must be {SafetensorsTypes.Name(asked)}.");
    }

    private void ReadExactly(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
            {
                throw SafetensorsHeader.Bad(Path, $"it ends at byte {offset}, in the middle of its data; it was cut while it was read.");
            }
            destination = destination[read..];
            offset += read;
        }
    }
}

namespace LongSeqKernels.Portable;

/// <summary>
/// A tensor as a kernel body reads it: fp32 numbers at 64-bit indices, whatever the storage type. A tensor that is not given has length 0.
/// Implemented by structs only, so that bodies are specialised for them: over spans here, over device memory in a GPU back end.
/// </summary>
public interface IReadView
{
    /// <summary>Number of elements; 0 for an optional tensor that is not given.</summary>
    long Length { get; }

    /// <summary>The element at <paramref name="index"/>, widened to fp32.</summary>
    float Get(long index);
}

/// <summary>A tensor that a kernel body reads and writes.</summary>
public interface IReadWriteView : IReadView
{
    /// <summary>Stores <paramref name="value"/>, rounded to the storage type (nearest, ties to even).</summary>
    void Set(long index, float value);
}

/// <summary>Offsets, limits and times as a kernel body reads them.</summary>
public interface IIndexView
{
    /// <summary>Number of elements; 0 for an optional tensor that is not given.</summary>
    long Length { get; }

    /// <summary>The number at <paramref name="index"/>.</summary>
    long Get(long index);
}

/// <summary>Encoded rows as a kernel body reads them.</summary>
public interface IReadByteView
{
    /// <summary>The byte at <paramref name="index"/>, 0 to 255.</summary>
    int Get(long index);
}

/// <summary>Encoded rows as a kernel body writes them.</summary>
public interface IWriteByteView
{
    /// <summary>Stores a byte, 0 to 255.</summary>
    void Set(long index, int value);
}

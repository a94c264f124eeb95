using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// The keys (or the values) of all histories as the forward kernels read them: rows of one head width, the heads of a history row side by side.
/// </summary>
/// <typeparam name="TElement">What kernels find in a row: the storage type where it lies, or fp32 in scratch memory.</typeparam>
internal unsafe interface IHistoryRows<TElement>
    where TElement : unmanaged
{
    /// <summary>Whether rows come to scratch memory before a kernel reads them.</summary>
    static abstract bool AreDecoded { get; }

    /// <summary>Bytes of a row as it is stored.</summary>
    int RowBytes { get; }

    /// <summary>Where a row is stored.</summary>
    byte* Address(long row);

    /// <summary>Rows of one head that follow each other in the history.</summary>
    /// <param name="first">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="scratch">Room for them as fp32; used for decoded rows only.</param>
    /// <param name="ahead">Where as many rows begin that are read next, to be fetched while these are decoded; null for none.</param>
    /// <param name="stride">From one to the next, in elements.</param>
    TElement* Read(long first, int count, float* scratch, byte* ahead, out nint stride);
}

/// <summary>A history in its storage type, read where it lies.</summary>
/// <param name="rows"><c>[L, Hkv, dh]</c>.</param>
/// <param name="heads">Hkv.</param>
/// <param name="width">dh.</param>
internal readonly unsafe struct PlainRows<T>(T* rows, int heads, int width) : IHistoryRows<T>
    where T : unmanaged
{
    public static bool AreDecoded => false;

    public int RowBytes => width * sizeof(T);

    public byte* Address(long row) => (byte*)(rows + (row * width));

    public T* Read(long first, int count, float* scratch, byte* ahead, out nint stride)
    {
        stride = (nint)heads * width;
        return rows + (first * width);
    }
}

/// <summary>A history as <see cref="SummaryCodec"/> wrote it, decoded into scratch memory a few rows at a time.</summary>
/// <param name="encoding">The storage form.</param>
/// <param name="codes"><c>[L, Hkv, RowBytes]</c>.</param>
/// <param name="scales"><c>[L, Hkv]</c>.</param>
/// <param name="heads">Hkv.</param>
/// <param name="width">dh.</param>
internal readonly unsafe struct DecodedRows<TSimd, TVector>(SummaryEncoding encoding, byte* codes, float* scales, int heads, int width) : IHistoryRows<float>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int CacheLine = 64;

    public static bool AreDecoded => true;

    public int RowBytes { get; } = SummaryCodec.RowBytes(encoding, width);

    public byte* Address(long row) => codes + (row * RowBytes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* Read(long first, int count, float* scratch, byte* ahead, out nint stride)
    {
        nint step = (nint)heads * RowBytes;
        nint fetched = ahead == null ? 0 : RowBytes;
        byte* row = Address(first);
        float* scale = scales + first;
        float* target = scratch;
        for (int i = 0; i < count; i++, row += step, scale += heads, target += width)
        {
            for (nint line = 0; line < fetched; line += CacheLine)
            {
                TSimd.Prefetch(ahead + line);
            }
            ahead += fetched;
            SummaryRow<TSimd, TVector>.Decode(encoding, row, *scale, width, target);
        }
        stride = width;
        return scratch;
    }
}

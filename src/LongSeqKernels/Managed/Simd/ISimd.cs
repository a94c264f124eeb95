namespace LongSeqKernels;

/// <summary>
/// fp32 vectors of one width. Kernels are generic over <c>TSimd : struct, ISimd&lt;TVector&gt;</c>: the JIT compiles them once for each width and resolves
/// every member to the instruction itself. Masks are vectors of all-ones or all-zeros lanes, as comparisons return them.
/// </summary>
/// <typeparam name="TVector">Vector512, Vector256 or Vector128 of float.</typeparam>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    /// <summary>Lanes of a vector.</summary>
    static abstract int Count { get; }

    /// <summary>Whether 24 accumulators and their operands fit the registers; otherwise 12 do.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Create(float value);

    /// <summary>Two numbers in turns: lane i is <c>source[i % 2]</c>.</summary>
    static abstract TVector CreatePair(float* source);

    /// <summary>Every even lane, and again in the odd lane above it.</summary>
    static abstract TVector DuplicateEven(TVector value);

    /// <summary>Every odd lane, and again in the even lane below it.</summary>
    static abstract TVector DuplicateOdd(TVector value);

    static abstract TVector Load(float* source);

    /// <summary>From an address that is a multiple of the vector's size.</summary>
    static abstract TVector LoadAligned(float* source);

    static abstract void Store(TVector value, float* destination);

    /// <summary>To an address that is a multiple of the vector's size.</summary>
    static abstract void StoreAligned(TVector value, float* destination);

    /// <summary>To an address that is a multiple of the vector's size, past the caches; other threads see it after a full fence of this one.</summary>
    static abstract void StoreStreaming(TVector value, float* destination);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector Multiply(TVector left, TVector right);

    static abstract TVector Divide(TVector left, TVector right);

    /// <summary><c>left * right + addend</c>, rounded once wherever the hardware can.</summary>
    static abstract TVector MultiplyAdd(TVector left, TVector right, TVector addend);

    /// <summary>The larger lane; <paramref name="right"/> where one of them is NaN (x86).</summary>
    static abstract TVector Max(TVector left, TVector right);

    /// <summary>The smaller lane; <paramref name="right"/> where one of them is NaN (x86).</summary>
    static abstract TVector Min(TVector left, TVector right);

    static abstract TVector Sqrt(TVector value);

    /// <summary>Mask: <c>left &lt; right</c>.</summary>
    static abstract TVector Less(TVector left, TVector right);

    /// <summary>Mask: <c>left == right</c>.</summary>
    static abstract TVector Equal(TVector left, TVector right);

    /// <summary><paramref name="whenTrue"/> where the mask is set, else <paramref name="whenFalse"/>.</summary>
    static abstract TVector Select(TVector mask, TVector whenTrue, TVector whenFalse);

    static abstract TVector And(TVector left, TVector right);

    static abstract TVector Or(TVector left, TVector right);

    /// <summary><c>2^x</c>, relative error 1.6e-7; exactly 1 at 0 and 0 at -infinity; NaN for NaN.</summary>
    static abstract TVector Exp2(TVector x);

    /// <summary>Asks for the cache line of an address that is read next; it need not exist.</summary>
    static abstract void Prefetch(void* address);

    /// <summary>Asks for the cache line of an address that is read soon, into the second-level cache.</summary>
    static abstract void PrefetchFar(void* address);

    /// <summary>Lane 0.</summary>
    static abstract float First(TVector value);

    /// <summary>The sum of all lanes.</summary>
    static abstract float Sum(TVector value);

    /// <summary>The largest lane.</summary>
    static abstract float MaxAcross(TVector value);

    /// <summary>
    /// The sums of <see cref="Count"/> vectors, lane r the sum of vector r: four sums of four vectors each, as <see cref="SumFour"/> leaves them.
    /// Narrower vectors use the first <c>Count / 4</c> arguments.
    /// </summary>
    static abstract TVector CombineSums(TVector first, TVector second, TVector third, TVector fourth);

    /// <summary>In each group of four lanes, lane r is the sum over that group of vector r.</summary>
    static abstract TVector SumFour(TVector a, TVector b, TVector c, TVector d);

    /// <summary>Transposes within each group of four lanes: lane r of result c is lane c of argument r.</summary>
    static abstract (TVector A, TVector B, TVector C, TVector D) TransposeFour(TVector a, TVector b, TVector c, TVector d);

    /// <summary>
    /// Transposes whole groups of four lanes: group r of result g is group g of argument r. Narrower vectors use and return the first
    /// <c>Count / 4</c> only.
    /// </summary>
    static abstract (TVector A, TVector B, TVector C, TVector D) TransposeGroups(TVector a, TVector b, TVector c, TVector d);

    /// <summary>Four floats of each of <c>Count / 4</c> rows, row after row: lane 4 i + c is <c>source[i * stride + c]</c>.</summary>
    static abstract TVector LoadRowsOfFour(float* source, nint stride);

    /// <summary>The inverse of <see cref="LoadRowsOfFour"/>.</summary>
    static abstract void StoreRowsOfFour(TVector value, float* destination, nint stride);

    /// <summary><see cref="Count"/> 16-bit numbers, each zero-extended to the 32 bits of a lane.</summary>
    static abstract TVector LoadUInt16(ushort* source);

    /// <summary><see cref="Count"/> signed bytes as fp32 numbers.</summary>
    static abstract TVector LoadInt8(sbyte* source);

    /// <summary><see cref="Count"/> signed half-bytes, the even ones in the low halves of <c>Count / 2</c> bytes, as fp32 numbers.</summary>
    static abstract TVector LoadInt4(byte* source);

    /// <summary>The low 16 bits of every lane.</summary>
    static abstract void StoreUInt16(TVector bits, ushort* destination);

    /// <summary>32-bit integer sum of the lanes' bits.</summary>
    static abstract TVector AddBits(TVector left, TVector right);

    /// <summary>Logical shift of the lanes' bits.</summary>
    static abstract TVector ShiftLeftBits(TVector value, int count);

    /// <summary>Logical shift of the lanes' bits.</summary>
    static abstract TVector ShiftRightBits(TVector value, int count);

    /// <summary>Mask: signed comparison of the lanes' bits, <c>left &lt; right</c>.</summary>
    static abstract TVector LessBits(TVector left, TVector right);

    /// <summary>A vector of this bit pattern in every lane.</summary>
    static abstract TVector CreateBits(uint bits);
}

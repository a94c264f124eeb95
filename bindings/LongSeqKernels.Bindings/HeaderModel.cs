namespace LongSeqKernels.Bindings;

/// <summary>What a header of the C ABI declares, in the order of the header. Every front end produces this, the emitter reads nothing else.</summary>
/// <param name="Constants">Integer macros.</param>
/// <param name="Enums">Enumerations.</param>
/// <param name="Handles">Opaque structs, which are only ever passed by pointer.</param>
/// <param name="Structs">Structs with fields.</param>
/// <param name="Functions">Exported functions.</param>
public sealed record HeaderModel(
    IReadOnlyList<HeaderConstant> Constants,
    IReadOnlyList<HeaderEnum> Enums,
    IReadOnlyList<HeaderHandle> Handles,
    IReadOnlyList<HeaderStruct> Structs,
    IReadOnlyList<HeaderFunction> Functions);

/// <summary>A macro that is an integer.</summary>
public sealed record HeaderConstant(string Name, long Value, string Doc);

/// <summary>An enumeration.</summary>
public sealed record HeaderEnum(string Name, IReadOnlyList<HeaderEnumMember> Members, string Doc);

/// <summary>A value of an enumeration.</summary>
public sealed record HeaderEnumMember(string Name, int Value, string Doc);

/// <summary>An opaque struct.</summary>
public sealed record HeaderHandle(string Name, string Doc);

/// <summary>A struct with its fields and its size on a 64-bit machine.</summary>
public sealed record HeaderStruct(string Name, IReadOnlyList<HeaderField> Fields, int Size, string Doc);

/// <summary>A field of a struct and where it starts, in bytes.</summary>
public sealed record HeaderField(string Name, HeaderType Type, int Offset, string Doc);

/// <summary>An exported function.</summary>
public sealed record HeaderFunction(string Name, HeaderType Result, IReadOnlyList<HeaderParameter> Parameters, string Doc);

/// <summary>A parameter of a function.</summary>
public sealed record HeaderParameter(string Name, HeaderType Type);

/// <summary>A type as C spells it: <c>const int64_t*</c> is the name int64_t, constant, one pointer deep.</summary>
/// <param name="Name">The type pointed to, in C.</param>
/// <param name="IsConst">Whether what is pointed to is constant.</param>
/// <param name="Pointers">0 for a value.</param>
public sealed record HeaderType(string Name, bool IsConst, int Pointers)
{
    /// <inheritdoc/>
    public override string ToString() => (IsConst ? "const " : "") + Name + new string('*', Pointers);
}

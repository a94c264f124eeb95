using System.Numerics;

namespace LongSeqKernels;

/// <summary>All exception texts of the core: which argument, what it was, what it must be.</summary>
internal static class Error
{
    public static NotSupportedException UnsupportedElement(Type type) =>
        new($"Element type {type.Name} is not supported: tensors are float (fp32), BFloat16 or Half (fp16).");

    public static ArgumentException Length(string argument, long was, long mustBe, string meaning) =>
        new($"{argument} has {was} elements; it must have {mustBe} ({meaning}).", argument);

    public static ArgumentException Invalid(string argument, string was, string mustBe) =>
        new($"{argument} is {was}; it must be {mustBe}.", argument);

    public static ArgumentOutOfRangeException Range<T>(string argument, T was, string mustBe)
        where T : INumberBase<T> => new(argument, was, $"{argument} is {was}; it must be {mustBe}.");
}

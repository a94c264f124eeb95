using System.Numerics;

namespace LongSeqKernels;

/// <summary>The texts of exceptions about arguments: which argument, what it was, what it must be. Compiled into every library that throws them.</summary>
internal static partial class Error
{
    public static ArgumentException Length(string argument, long was, long mustBe, string meaning) =>
        new($"{argument} has {was} elements; it must have {mustBe} ({meaning}).", argument);

    public static ArgumentException Invalid(string argument, string was, string mustBe) =>
        new($"{argument} is {was}; it must be {mustBe}.", argument);

    public static ArgumentOutOfRangeException Range<T>(string argument, T was, string mustBe)
        where T : INumberBase<T> => new(argument, was, $"{argument} is {was}; it must be {mustBe}.");
}

using System.Diagnostics.CodeAnalysis;

namespace LongSeqKernels.Bindings;

/// <summary>A header holds something that is not in the subset of C that bindings are made from.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "A refusal without a line helps nobody.")]
public sealed class HeaderFormatException : Exception
{
    /// <summary>Names the place and what is wrong there.</summary>
    /// <param name="line">The line, from 1.</param>
    /// <param name="message">What was found and what must be there.</param>
    public HeaderFormatException(int line, string message)
        : base($"line {line}: {message}") => Line = line;

    /// <summary>The line, from 1.</summary>
    public int Line { get; }
}

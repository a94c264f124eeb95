namespace LongSeqKernels.Docs.Tests.Markdown;

/// <summary>Lines of code as a document shows them.</summary>
internal static class Text
{
    /// <summary>Lines without their common indentation, without white space at their ends, without empty lines at the start and the end.</summary>
    public static string[] Dedent(IReadOnlyList<string> lines)
    {
        string[] written = [.. lines.Select(line => line.TrimEnd()).SkipWhile(line => line.Length == 0).Reverse().SkipWhile(line => line.Length == 0).Reverse()];
        int indent = written.Where(line => line.Length > 0).Select(line => line.Length - line.TrimStart().Length).DefaultIfEmpty(0).Min();
        return [.. written.Select(line => line.Length == 0 ? "" : line[indent..])];
    }
}

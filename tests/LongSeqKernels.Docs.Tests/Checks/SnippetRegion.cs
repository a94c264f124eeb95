using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>Code that runs as a test and that a document shows: what stands between <c>// &lt;example&gt;</c> and <c>// &lt;/example&gt;</c>, or a whole program.</summary>
/// <param name="File">Where it stands, relative to the repository.</param>
/// <param name="Line">Its first line, counted from 1.</param>
/// <param name="Lines">Its lines without their common indentation.</param>
internal sealed record SnippetRegion(string File, int Line, string[] Lines)
{
    private const string Tests = "tests/";
    private const string Program = "tests/LongSeqKernels.Docs.Tests.Example/Program.cs";
    private const string Start = "// <example>";
    private const string End = "// </example>";

    public static IReadOnlyList<SnippetRegion> All { get; } =
        [Whole(Program), .. Documents.Files.Where(file => file.StartsWith(Tests, StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal)).SelectMany(Regions)];

    public override string ToString() => $"{File}:{Line}";

    private static SnippetRegion Whole(string file) => new(file, 1, Text.Dedent(SourceLines(file)));

    private static IEnumerable<SnippetRegion> Regions(string file)
    {
        string[] lines = SourceLines(file);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() == Start)
            {
                int first = i + 1;
                while (lines[i].Trim() != End)
                {
                    i++;
                    if (i == lines.Length)
                    {
                        throw new InvalidDataException($"{file}:{first}: {Start} has no {End}.");
                    }
                }
                yield return new SnippetRegion(file, first + 1, Text.Dedent(lines[first..i]));
            }
        }
    }

    private static string[] SourceLines(string file) => Documents.Read(file).ReplaceLineEndings("\n").Split('\n');
}

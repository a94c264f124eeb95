using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>Blocks that quote a source file of the repository, which the build compiles and other tests run.</summary>
internal static class Excerpt
{
    /// <summary>Lines that stand for lines left out, as the comments of the languages.</summary>
    private static readonly string[] Gaps = ["// ...", "/* ... */", "# ..."];

    /// <summary>The files of these endings that a document links.</summary>
    public static IReadOnlyList<string> LinkedFiles(Document document, IReadOnlyList<string> endings) =>
        [.. document.Links
            .Select(link => Documents.Join(document.Folder, link.Target.Split('#')[0]))
            .Where(file => Documents.Files.Contains(file) && endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)))
            .Distinct()];

    /// <summary>
    /// Whether a block's lines stand in a file, one after the other, with the same indentation among themselves. A comment of three dots stands for lines that are left out;
    /// the parts between such lines are found in their order.
    /// </summary>
    public static bool IsOf(IReadOnlyList<string> block, string[] source)
    {
        int from = 0;
        foreach (string[] part in Parts(block))
        {
            int at = Enumerable.Range(from, Math.Max(0, source.Length - part.Length - from + 1)).FirstOrDefault(i => Text.Dedent(source[i..(i + part.Length)]).SequenceEqual(part), -1);
            if (at < 0)
            {
                return false;
            }
            from = at + part.Length;
        }
        return true;
    }

    private static List<string[]> Parts(IReadOnlyList<string> block)
    {
        var parts = new List<string[]>();
        var part = new List<string>();
        foreach (string line in block.Append(Gaps[0]))
        {
            if (!Gaps.Contains(line.Trim()))
            {
                part.Add(line);
            }
            else if (Text.Dedent(part) is { Length: > 0 } written)
            {
                parts.Add(written);
                part.Clear();
            }
        }
        return parts;
    }
}

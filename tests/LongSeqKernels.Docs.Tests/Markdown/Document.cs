namespace LongSeqKernels.Docs.Tests.Markdown;

/// <summary>A code block of a document.</summary>
/// <param name="File">The document, relative to the repository.</param>
/// <param name="Line">The line of its first code, counted from 1.</param>
/// <param name="Language">What stands behind the opening fence; null for an indented block, which has no place for a language.</param>
/// <param name="Lines">Its code without the fences and their indentation.</param>
internal sealed record CodeBlock(string File, int Line, string? Language, IReadOnlyList<string> Lines)
{
    public override string ToString() => $"{File}:{Line} {Language ?? "(indented)"}";
}

/// <summary>A text between back-ticks.</summary>
internal sealed record CodeSpan(string File, int Line, string Text);

/// <summary>A link or an image.</summary>
internal sealed record Link(string File, int Line, string Target);

/// <summary>What the tests look at in a Markdown file: code blocks, code spans, links, headings.</summary>
internal sealed class Document
{
    private Document(string file) => File = file;

    /// <summary>Its path, relative to the repository, with forward slashes.</summary>
    public string File { get; }

    public List<CodeBlock> Blocks { get; } = [];

    public List<CodeSpan> Spans { get; } = [];

    public List<Link> Links { get; } = [];

    /// <summary>The anchors of its headings, as GitHub makes them.</summary>
    public List<string> Anchors { get; } = [];

    /// <summary>Its folder, relative to the repository; "" for the root.</summary>
    public string Folder => Path.GetDirectoryName(File)!.Replace('\\', '/');

    /// <summary>Reads the Markdown that this repository uses: fenced and indented blocks, lists, headings, inline links and code.</summary>
    public static Document Parse(string file, string text)
    {
        var document = new Document(file);
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        bool inList = false;
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (Syntax.Fence().Match(line) is { Success: true } fence)
            {
                int first = i + 1;
                string end = fence.Groups["fence"].Value;
                while (++i < lines.Length && lines[i].Trim() != end)
                {
                }
                document.Blocks.Add(new CodeBlock(file, first + 1, fence.Groups["language"].Value, Text.Dedent(lines[first..Math.Min(i, lines.Length)])));
            }
            else if (!inList && line.StartsWith("    ", StringComparison.Ordinal) && (i == 0 || lines[i - 1].Length == 0))
            {
                int first = i;
                while (i + 1 < lines.Length && (lines[i + 1].StartsWith("    ", StringComparison.Ordinal) || lines[i + 1].Length == 0))
                {
                    i++;
                }
                document.Blocks.Add(new CodeBlock(file, first + 1, null, Text.Dedent(lines[first..(i + 1)])));
            }
            else
            {
                inList = Syntax.ListItem().IsMatch(line) || (inList && (line.Length == 0 || line[0] == ' '));
                document.ReadText(i + 1, line);
            }
        }
        return document;
    }

    private void ReadText(int number, string line)
    {
        if (Syntax.Heading().Match(line) is { Success: true } heading)
        {
            Anchors.Add(Syntax.NotInAnchors().Replace(heading.Groups["title"].Value.ToLowerInvariant(), "").Replace(' ', '-'));
        }
        Spans.AddRange(Syntax.Span().Matches(line).Select(match => new CodeSpan(File, number, match.Groups["text"].Value)));
        Links.AddRange(Syntax.Link().Matches(Syntax.Span().Replace(line, "``")).Select(match => new Link(File, number, match.Groups["target"].Value)));
    }
}

using System.Text.Json;
using System.Xml;
using System.Xml.Linq;
using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>What a code block of each language must be.</summary>
internal static class BlockRules
{
    private const string PackageReadmeTests = "tests/LongSeqKernels.Packages.Tests/ReadmeTests.cs";

    private static readonly Dictionary<string, string[]> SourceEndings = new()
    {
        ["c"] = [".c", ".h"],
        ["cpp"] = [".cpp", ".h", ".cu", ".cuh"],
        ["cuda"] = [".cu", ".cuh"],
        ["cmake"] = ["CMakeLists.txt", ".cmake"],
        ["python"] = [".py"],
        ["tsv"] = [".tsv"],
        ["output"] = [".txt"], // what a program prints, as a test expects it
    };

    /// <summary>What is wrong with a block and what to do about it; null when nothing is.</summary>
    public static string? Fault(Document document, CodeBlock block)
    {
        string? fault = block.Language switch
        {
            null => "an indented block cannot say what it is. Write a fence with a language: csharp, sh, ..., or text for output and diagrams.",
            "csharp" when IsRunAsAPackage(document) => null,
            "csharp" => Snippet(block) is { } notShown && Quotation(document, block, [".cs"]) is not null ? notShown : null,
            "sh" => Shell(block),
            "xml" => WellFormed<XmlException>(() => XDocument.Parse($"<block>{string.Join('\n', block.Lines)}</block>")),
            "json" => WellFormed<JsonException>(() => JsonDocument.Parse(string.Join('\n', block.Lines)).Dispose()),
            "text" or "mermaid" => null,
            _ when SourceEndings.TryGetValue(block.Language, out string[]? endings) => Quotation(document, block, endings),
            _ => $"nothing checks the language \"{block.Language}\". It must be one of csharp, sh, xml, json, {string.Join(", ", SourceEndings.Keys)}, text or mermaid.",
        };
        return fault is null ? null : $"{block.File}:{block.Line}: {fault}";
    }

    /// <summary>The README of a package: its C# is the program of a fresh project that references the package.</summary>
    private static bool IsRunAsAPackage(Document document) =>
        document.File == $"src/{Path.GetFileName(document.Folder)}/README.md"
        && Documents.Read(PackageReadmeTests).Contains($"[TestCase(\"{Path.GetFileName(document.Folder)}\",", StringComparison.Ordinal);

    /// <summary>A block must say, word for word, what a snippet that runs as a test says.</summary>
    private static string? Snippet(CodeBlock block)
    {
        if (SnippetRegion.All.Any(snippet => snippet.Lines.SequenceEqual(block.Lines)))
        {
            return null;
        }
        SnippetRegion nearest = SnippetRegion.All.MaxBy(snippet => snippet.Lines.Intersect(block.Lines).Count())!;
        int common = nearest.Lines.Zip(block.Lines).TakeWhile(pair => pair.First == pair.Second).Count();
        string difference = $"The nearest, {nearest}, says \"{LineOf(nearest.Lines, common)}\" where line {block.Line + common} of the document says \"{LineOf(block.Lines, common)}\".";
        return $"no test runs this code. {difference} Put it between // <example> and // </example> in a test (tests/LongSeqKernels.Docs.Tests/Snippets has most of them), "
            + $"name its package in {PackageReadmeTests}, or quote a C# file that the document links; // ... stands for lines that are left out.";
    }

    private static string? Quotation(Document document, CodeBlock block, string[] endings)
    {
        IReadOnlyList<string> files = Excerpt.LinkedFiles(document, endings);
        return files.Any(file => Excerpt.IsOf(block.Lines, Documents.Read(file).ReplaceLineEndings("\n").Split('\n')))
            ? null
            : $"these lines do not stand in a source file that the document links ({(files.Count == 0 ? $"it links none with the ending {string.Join(" or ", endings)}" : string.Join(", ", files))}). "
                + "Quote one that the build compiles and a test runs, and link it; // ... stands for lines that are left out.";
    }

    private static string? Shell(CodeBlock block)
    {
        string[] faults = [.. ShellLine.Read(block).Select(CommandRules.Fault).OfType<string>()];
        return faults.Length == 0 ? null : string.Join("\n", faults);
    }

    private static string? WellFormed<TException>(Action parse)
        where TException : Exception
    {
        try
        {
            parse();
            return null;
        }
        catch (TException exception)
        {
            return $"it cannot be read: {exception.Message}";
        }
    }

    private static string LineOf(IReadOnlyList<string> lines, int index) => index < lines.Count ? lines[index].Trim() : "(the end)";
}

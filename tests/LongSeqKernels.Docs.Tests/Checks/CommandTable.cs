using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>A command that documents show, and who runs it.</summary>
/// <param name="Command">As it stands in the documents.</param>
/// <param name="Place">The file that runs it; for a command that no check can run, the program itself.</param>
/// <param name="Evidence">The text of that file that does; "by hand" for a command that no check can run.</param>
internal sealed record ListedCommand(string Command, string Place, string Evidence);

/// <summary>The commands of the documents that are not <c>lsk</c>'s.</summary>
internal static class CommandTable
{
    public const string File = "tests/LongSeqKernels.Docs.Tests/commands.tsv";
    public const string ByHand = "by hand";

    public static IReadOnlyList<ListedCommand> All { get; } =
        [.. Documents.Read(File).ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line[0] != '#')
            .Select(line => line.Split('\t') is [string command, string place, string evidence]
                ? new ListedCommand(command, place, evidence)
                : throw new InvalidDataException($"{File}: \"{line}\" must be a command, the file that runs it and the text in that file that does, with tabs between them."))];

    public static ListedCommand? Find(string command) => All.FirstOrDefault(listed => listed.Command == command);
}

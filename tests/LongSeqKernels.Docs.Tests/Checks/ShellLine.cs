using System.Text;
using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>One command of a shell block.</summary>
/// <param name="Text">The command as it is written, without its comment.</param>
/// <param name="Words">Its words without quotes and without the variables set in front of it.</param>
internal sealed record ShellLine(string Text, IReadOnlyList<string> Words)
{
    /// <summary>The commands of a block: continued lines are joined, comments and variables are taken off, <c>&amp;&amp;</c> and <c>|</c> part commands.</summary>
    public static IEnumerable<ShellLine> Read(CodeBlock block) =>
        string.Join('\n', block.Lines).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').SelectMany(Commands);

    /// <summary>The commands of one line.</summary>
    public static IEnumerable<ShellLine> Commands(string line)
    {
        var words = new List<string>();
        var command = new StringBuilder();
        foreach ((string word, bool quoted) in Split(line).Append(("&&", false)))
        {
            if (quoted || word is not ("&&" or "|" or ";"))
            {
                words.Add(word);
                command.Append(command.Length == 0 ? "" : " ").Append(quoted ? $"'{word}'" : word);
                continue;
            }
            if (words.SkipWhile(IsVariable).ToArray() is { Length: > 0 } written)
            {
                yield return new ShellLine(command.ToString(), written);
            }
            words.Clear();
            command.Clear();
        }
    }

    private static bool IsVariable(string word) => word.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && word[..at].All(letter => char.IsAsciiLetterUpper(letter) || char.IsAsciiDigit(letter) || letter == '_');

    /// <summary>Words up to a comment; one in quotes may have spaces.</summary>
    private static IEnumerable<(string Word, bool Quoted)> Split(string line)
    {
        int i = 0;
        while (i < line.Length)
        {
            if (line[i] == ' ')
            {
                i++;
            }
            else if (line[i] == '#')
            {
                yield break;
            }
            else if (line[i] is '\'' or '"')
            {
                int end = line.IndexOf(line[i], i + 1);
                end = end < 0 ? line.Length : end;
                yield return (line[(i + 1)..end], true);
                i = end + 1;
            }
            else
            {
                int end = line.IndexOf(' ', i);
                end = end < 0 ? line.Length : end;
                yield return (line[i..end], false);
                i = end;
            }
        }
    }
}

using System.CommandLine;
using System.CommandLine.Parsing;
using LongSeqKernels.Cli;
using LongSeqKernels.Docs.Tests.Markdown;

namespace LongSeqKernels.Docs.Tests.Checks;

/// <summary>What a command of a document must be: one that <c>lsk</c> understands, or one that the table of commands says who runs.</summary>
internal static class CommandRules
{
    private const string ToolProject = "src/LongSeqKernels.Cli";

    /// <summary>What is wrong with a command; null when nothing is.</summary>
    public static string? Fault(ShellLine line) =>
        LskArguments(line) is { } arguments ? ParseFault(line, Parse(arguments))
        : CommandTable.Find(line.Text) is not null ? null
        : $"nobody runs \"{line.Text}\". Add it to {CommandTable.File} with the place that runs it.";

    /// <summary>The arguments of <c>lsk</c>, however it is started; null for other programs.</summary>
    public static string[]? LskArguments(ShellLine line)
    {
        if (line.Words[0] == "lsk")
        {
            return [.. line.Words.Skip(1)];
        }
        int dashes = line.Words.ToList().IndexOf("--");
        return line.Words is ["dotnet", "run", ..] && line.Words.Contains(ToolProject) && dashes > 0 ? [.. line.Words.Skip(dashes + 1)] : null;
    }

    /// <summary>What is wrong with a part of a command that a sentence mentions: an unknown command or option. What is missing is not.</summary>
    public static string? MentionFault(CodeSpan span)
    {
        ParseResult parsed = Parse([.. ShellLine.Commands(span.Text).First().Words.Skip(1)]);
        return parsed.UnmatchedTokens.Concat(UnknownOptions(parsed)).FirstOrDefault() is { } unknown ? $"{span.File}:{span.Line}: \"{span.Text}\": lsk does not know \"{unknown}\"." : null;
    }

    private static ParseResult Parse(string[] arguments) => new LskRootCommand(new GlobalOptions(), CancellationToken.None).Parse(arguments);

    private static string? ParseFault(ShellLine line, ParseResult parsed)
    {
        string[] faults = [.. parsed.Errors.Select(error => error.Message), .. UnknownOptions(parsed).Select(option => $"Unknown option {option}.")];
        return faults.Length == 0 ? null : $"lsk refuses \"{line.Text}\": {string.Join(" ", faults)}";
    }

    /// <summary>An option that a command does not know passes for the value of its argument.</summary>
    private static IEnumerable<string> UnknownOptions(ParseResult parsed) =>
        parsed.Tokens.Where(token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal)).Select(token => token.Value);
}

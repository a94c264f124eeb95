using System.CommandLine;
using System.CommandLine.Parsing;

namespace LongSeqKernels.Cli;

/// <summary>Reports a wrong command line: what is wrong, what was probably meant, where the help is. Exit code 2.</summary>
internal static class UsageErrors
{
    public static int Report(ParseResult parsed, Terminal terminal)
    {
        string command = Application.CommandName(parsed);
        Command asked = parsed.CommandResult.Command;
        string message = string.Join(" ", Messages(parsed, asked));
        terminal.Fail(message, ExitCode.Usage, command);
        terminal.Hint($"Try 'lsk{(command.Length == 0 ? "" : " " + command)} --help'.");
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Messages(ParseResult parsed, Command asked)
    {
        // The first unmatched token is the mistake; what follows it was meant as its value.
        if (parsed.UnmatchedTokens is [string unmatched, ..])
        {
            string kind = unmatched.StartsWith('-') ? "an option" : asked.Subcommands.Count > 0 ? "a command" : "an argument";
            IEnumerable<string> known = unmatched.StartsWith('-')
                ? asked.Options.Concat(parsed.RootCommandResult.Command.Options.Where(option => option.Recursive)).Select(option => option.Name)
                : asked.Subcommands.Select(subcommand => subcommand.Name);
            string suggestion = Suggestions.Nearest(unmatched, known, 1) is [string nearest, ..] ? $" Did you mean {nearest}?" : "";
            yield return $"'{unmatched}' is not {kind} of lsk{(asked is RootCommand ? "" : " " + asked.Name)}.{suggestion}";
            yield break;
        }
        if (asked.Subcommands.Count > 0 && asked.Arguments.Count == 0)
        {
            yield return $"Which command? One of {string.Join(", ", asked.Subcommands.Select(subcommand => subcommand.Name))}.";
            yield break;
        }
        foreach (ParseError error in parsed.Errors)
        {
            yield return error.Message;
        }
    }
}

using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace LongSeqKernels.Cli;

/// <summary>The help of System.CommandLine with what a person also wants to know: details and examples.</summary>
internal sealed class CommandHelp(HelpAction usage) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        // The arguments of the command above stand in its usage, too, though nobody writes them.
        foreach (Argument argument in parseResult.CommandResult.Command.Parents.OfType<Command>().SelectMany(parent => parent.Arguments))
        {
            argument.Hidden = true;
        }
        usage.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        (string details, IReadOnlyList<string> examples) = parseResult.CommandResult.Command switch
        {
            LskCommand command => (command.Details, command.Examples),
            LskRootCommand root => (root.Details, root.Examples),
            _ => ("", []),
        };
        if (details.Length > 0)
        {
            output.WriteLine("Details:");
            foreach (string line in details.Split('\n'))
            {
                output.WriteLine(line.Length == 0 ? "" : "  " + line);
            }
            output.WriteLine();
        }
        if (examples.Count > 0)
        {
            output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
            foreach (string example in examples)
            {
                output.WriteLine("  " + example);
            }
            output.WriteLine();
        }
        return ExitCode.Success;
    }
}

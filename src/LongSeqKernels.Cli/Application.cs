using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Cli;

/// <summary>Parses the command line, runs a command, turns exceptions into one line and an exit code.</summary>
internal static class Application
{
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "A signal may still come when the rest has ended.")]
    public static int Run(string[] arguments)
    {
        var interruption = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = CancelOn(PosixSignal.SIGINT, interruption);
        using PosixSignalRegistration terminate = CancelOn(PosixSignal.SIGTERM, interruption);

        var settings = new GlobalOptions();
        LskRootCommand root = new(settings, interruption.Token);
        ParseResult parsed = root.Parse(arguments);
        var terminal = new Terminal(json: parsed.GetValue(settings.Json), verbose: parsed.GetValue(settings.Verbose));
        try
        {
            if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction and not CommandHelp)
            {
                return UsageErrors.Report(parsed, terminal);
            }
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception exception)
        {
            return terminal.Fail(exception, CommandName(parsed));
        }
    }

    /// <summary>The name of the command that was asked for: "train", "evaluate capacity", or "" for <c>lsk</c> itself.</summary>
    public static string CommandName(ParseResult parsed)
    {
        string name = "";
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Command: not RootCommand } command; result = result.Parent)
        {
            name = name.Length == 0 ? command.Command.Name : $"{command.Command.Name} {name}";
        }
        return name;
    }

    /// <summary>The first signal asks the command to stop in good order; a second one ends the process at once.</summary>
    private static PosixSignalRegistration CancelOn(PosixSignal signal, CancellationTokenSource interruption) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            if (!interruption.IsCancellationRequested)
            {
                context.Cancel = true;
                interruption.Cancel();
            }
        });
}

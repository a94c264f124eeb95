using System.CommandLine;

namespace LongSeqKernels.Cli;

/// <summary>One command of <c>lsk</c>: its options, its help and its work.</summary>
internal abstract class LskCommand : Command
{
    private readonly GlobalOptions _settings;
    private readonly CancellationToken _interruption;

    protected LskCommand(string name, string summary, CommandHost host)
        : base(name, summary)
    {
        (_settings, _interruption) = host;
        SetAction(parsed => Run(new Invocation(parsed, new Terminal(parsed.GetValue(_settings.Json), parsed.GetValue(_settings.Verbose)), _interruption)));
    }

    /// <summary>More than the one-line summary says: what goes in, what comes out. Printed by <c>--help</c> below the options.</summary>
    public virtual string Details => "";

    /// <summary>Command lines that work, printed by <c>--help</c>.</summary>
    public virtual IReadOnlyList<string> Examples => [];

    /// <summary>Does the work; returns the exit code.</summary>
    protected abstract int Run(Invocation invocation);
}

/// <summary>What a command gets from the program.</summary>
/// <param name="Settings">The global options.</param>
/// <param name="Interruption">Cancelled by Ctrl-C.</param>
internal readonly record struct CommandHost(GlobalOptions Settings, CancellationToken Interruption);

/// <summary>One run of a command.</summary>
/// <param name="parsed">The parsed command line.</param>
/// <param name="terminal">Where to write.</param>
/// <param name="interruption">Cancelled by Ctrl-C.</param>
internal sealed class Invocation(ParseResult parsed, Terminal terminal, CancellationToken interruption)
{
    public Terminal Terminal => terminal;

    public CancellationToken Interruption => interruption;

    /// <summary>The value of an option, or its default.</summary>
    public T Get<T>(Option<T> option) => parsed.GetValue(option)!;

    /// <summary>The value of an argument, or its default.</summary>
    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>Whether the user wrote the option.</summary>
    public bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
}

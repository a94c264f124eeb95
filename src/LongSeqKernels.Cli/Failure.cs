using System.Diagnostics.CodeAnalysis;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>A failure that is explained to the user in one line: what is wrong, and where it helps what to do.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "A failure without a message or an exit code has no meaning.")]
internal sealed class Failure : Exception
{
    public Failure(string message, int exitCode = Cli.ExitCode.Failure)
        : base(message) => ExitCode = exitCode;

    public Failure(string message, Exception cause)
        : base(message, cause) => ExitCode = Cli.ExitCode.Failure;

    public int ExitCode { get; }

    /// <summary>A wrong combination of options: exit code 2.</summary>
    public static Failure Usage(string message) => new(message, Cli.ExitCode.Usage);

    /// <summary>What to print for any exception, and the exit code.</summary>
    public static (string Message, int ExitCode) Explain(Exception exception) => exception switch
    {
        Failure failure => (failure.Message, failure.ExitCode),
        OperationCanceledException => ("Interrupted.", Cli.ExitCode.Interrupted),
        AggregateException { InnerExceptions.Count: 1 } aggregate => Explain(aggregate.InnerException!),
        ArgumentException argument => (WithoutParameter(argument), Cli.ExitCode.Failure),
        OutOfMemoryException => ("There is not enough memory for this: try a shorter history, fewer targets or a smaller width.", Cli.ExitCode.Failure),
        IOException or UnauthorizedAccessException or InvalidDataException or FormatException or NotSupportedException or ArithmeticException or TrainingDivergedException or SummaryStoreException => (OneLine(exception.Message), Cli.ExitCode.Failure),
        _ => ($"Unexpected {exception.GetType().Name}: {OneLine(exception.Message)} (--verbose shows where)", Cli.ExitCode.Failure),
    };

    /// <summary>.NET appends " (Parameter 'x')" and the actual value; the library's messages already name both.</summary>
    private static string WithoutParameter(ArgumentException exception)
    {
        string message = exception.Message;
        int suffix = message.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return OneLine(suffix > 0 ? message[..suffix] : message);
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim();
}

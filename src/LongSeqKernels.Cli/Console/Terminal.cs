using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace LongSeqKernels.Cli;

/// <summary>
/// Where a command talks to people and to machines. People read stdout, or stderr when <c>--json</c> keeps stdout for one JSON document;
/// errors always go to stderr. Colours and bars appear only on a terminal, and <c>NO_COLOR</c> is respected.
/// </summary>
internal sealed class Terminal
{
    /// <summary>Tables are not wrapped for a file or a pipe.</summary>
    private const int RedirectedWidth = 200;

    private readonly IAnsiConsole _text;
    private readonly IAnsiConsole _errors;

    public Terminal(bool json, bool verbose)
    {
        Json = json;
        Verbose = verbose;
        _errors = Open(System.Console.Error, System.Console.IsErrorRedirected);
        _text = json ? _errors : Open(System.Console.Out, System.Console.IsOutputRedirected);
        IsInteractive = !(json ? System.Console.IsErrorRedirected : System.Console.IsOutputRedirected) && _text.Profile.Capabilities.Ansi;
    }

    /// <summary>Whether stdout is kept for one JSON document.</summary>
    public bool Json { get; }

    /// <summary>Whether failures show their stack trace.</summary>
    public bool Verbose { get; }

    /// <summary>Whether people see a terminal that can redraw a line.</summary>
    public bool IsInteractive { get; }

    /// <summary>The console of the human text, for live displays.</summary>
    public IAnsiConsole Console => _text;

    public void Line(string text = "") => _text.WriteLine(text);

    public void Heading(string text)
    {
        _text.WriteLine();
        _text.Write(new Text(text, new Style(decoration: Decoration.Bold)));
        _text.WriteLine();
    }

    /// <summary>A line of success or failure, green or red on a terminal.</summary>
    public void Verdict(bool passed, string text)
    {
        _text.Write(new Text(text, new Style(passed ? Color.Green : Color.Red)));
        _text.WriteLine();
    }

    public void Write(IRenderable renderable) => _text.Write(renderable);

    /// <summary>Something the user should know that does not stop the work.</summary>
    public void Warning(string text)
    {
        _errors.Write(new Text($"warning: {text}", new Style(Color.Yellow)));
        _errors.WriteLine();
    }

    /// <summary>Prints a failure on stderr, and with <c>--json</c> as the document; returns the exit code.</summary>
    public int Fail(Exception exception, string command)
    {
        (string message, int exitCode) = Failure.Explain(exception);
        Fail(message, exitCode, command);
        if (Verbose)
        {
            System.Console.Error.WriteLine(exception);
        }
        return exitCode;
    }

    /// <inheritdoc cref="Fail(Exception, string)"/>
    public void Fail(string message, int exitCode, string command)
    {
        try
        {
            _errors.Write(new Text($"lsk{(command.Length == 0 ? "" : " " + command)}: {message}", new Style(Color.Red)));
            _errors.WriteLine();
            Document(new ErrorDocument(command, message, exitCode), Documents.Default.ErrorDocument);
        }
        catch (IOException)
        {
            // Where stdout or stderr cannot be written, the exit code still tells.
        }
    }

    /// <summary>Prints a hint under an error.</summary>
    public void Hint(string text) => _errors.WriteLine(text);

    /// <summary>Prints the one document of <c>--json</c>; without it, nothing.</summary>
    public void Document<T>(T document, JsonTypeInfo<T> type)
    {
        if (Json)
        {
            System.Console.Out.WriteLine(JsonSerializer.Serialize(document, type));
            System.Console.Out.Flush();
        }
    }

    private static IAnsiConsole Open(TextWriter writer, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (redirected)
        {
            console.Profile.Width = RedirectedWidth;
        }
        return console;
    }
}

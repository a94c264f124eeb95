using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

/// <summary>What a run of <c>lsk</c> left behind.</summary>
internal sealed record LskRun(int ExitCode, string Output, string Errors)
{
    /// <summary>The one JSON document that stdout must be.</summary>
    public JsonElement Json
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
    }

    public override string ToString() => $"exit code {ExitCode}\n--- stdout\n{Output}\n--- stderr\n{Errors}";
}

/// <summary><c>lsk</c> as a process, as a user or a script starts it.</summary>
internal sealed class LskProcess : IDisposable
{
    private static readonly string Tool = Path.Combine(AppContext.BaseDirectory, "lsk.dll");

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private LskProcess(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs to the end.</summary>
    public static LskRun Run(string directory, params string[] arguments)
    {
        using LskProcess process = Start(directory, [], arguments);
        return process.Wait();
    }

    /// <summary>Runs to the end with environment variables.</summary>
    public static LskRun Run(string directory, (string Name, string Value)[] environment, params string[] arguments)
    {
        using LskProcess process = Start(directory, environment, arguments);
        return process.Wait();
    }

    /// <summary>Runs a shell command in which <c>$LSK</c> is the tool.</summary>
    public static LskRun Shell(string directory, string command)
    {
        using LskProcess process = Start("/bin/bash", directory, [("LSK", $"{DotnetHost} {Tool}")], ["-c", command]);
        return process.Wait();
    }

    /// <summary>Starts the tool. A test runner in the background of a shell ignores SIGINT and its children would inherit that: env undoes it.</summary>
    public static LskProcess Start(string directory, (string Name, string Value)[] environment, params string[] arguments) =>
        OperatingSystem.IsLinux()
            ? Start("/usr/bin/env", directory, environment, ["--default-signal=INT", DotnetHost, Tool, .. arguments])
            : Start(DotnetHost, directory, environment, [Tool, .. arguments]);

    /// <summary>Sends a signal.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>What stdout has so far.</summary>
    public string OutputSoFar => Text(_output);

    /// <summary>Waits until stdout has a text.</summary>
    public void WaitForOutput(string text) => WaitFor(_output, text);

    /// <summary>Waits until stderr has a text.</summary>
    public void WaitForErrors(string text) => WaitFor(_errors, text);

    public LskRun Wait(int seconds = 100)
    {
        if (!_process.WaitForExit(seconds * 1000))
        {
            Assert.Fail($"lsk did not end within {seconds} seconds.\n{Text(_output)}\n{Text(_errors)}");
        }
        _process.WaitForExit();
        return new LskRun(_process.ExitCode, Text(_output), Text(_errors));
    }

    /// <summary>Ends a tool that a failed test has left at work.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private void WaitFor(StringBuilder stream, string text)
    {
        bool said = true;
        lock (stream)
        {
            while (said && !stream.ToString().Contains(text, StringComparison.Ordinal))
            {
                said = Monitor.Wait(stream, TimeSpan.FromSeconds(60));
            }
        }
        Assert.That(said, () => $"lsk did not say \"{text}\" within a minute.\n{Text(_output)}\n{Text(_errors)}");
    }

    /// <summary>What a stream has so far; it may still grow.</summary>
    private static string Text(StringBuilder stream)
    {
        lock (stream)
        {
            return stream.ToString();
        }
    }

    private static string DotnetHost => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";

    private static LskProcess Start(string file, string directory, (string Name, string Value)[] environment, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Remove("LONGSEQ_BACKEND");
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new LskProcess(process);
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
                Monitor.PulseAll(text);
            }
        }
    }
}

using System.Diagnostics;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>What a run of a program left behind.</summary>
internal sealed record Run(string Command, int ExitCode, string Output)
{
    /// <summary>What it printed, if it succeeded.</summary>
    public string Expected()
    {
        Assert.That(ExitCode, Is.Zero, ToString());
        return Output;
    }

    public override string ToString() => $"{Command}\nexit code {ExitCode}\n{Output}";
}

/// <summary>The dotnet command, and programs, as a user starts them: nothing of the test run's environment changes what they do.</summary>
internal static class Dotnet
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs the dotnet command.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="variables">Environment variables beside those of this process.</param>
    /// <param name="arguments">What it shall do.</param>
    public static Run Run(string folder, (string Name, string Value)[] variables, params string[] arguments) =>
        RunProgram(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", folder, variables, arguments);

    /// <summary>Runs a program.</summary>
    /// <inheritdoc cref="Run(string, ValueTuple{string, string}[], string[])"/>
    public static Run RunProgram(string program, string folder, (string Name, string Value)[] variables, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string name in start.Environment.Keys.Where(IsOfTheTestRun).ToArray())
        {
            start.Environment.Remove(name);
        }
        start.Environment["DOTNET_NOLOGO"] = "true";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "true";
        // No build server is left behind, which would hold these pipes open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string command = $"{program} {string.Join(' ', arguments)}";
        if (!Task.WaitAll([output, errors], Patience) || !process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{command} did not end within {Patience}.");
        }
        return new Run(command, process.ExitCode, output.Result + errors.Result);
    }

    private static bool IsOfTheTestRun(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("LONGSEQ", StringComparison.Ordinal)
        || name.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)
        || name is "LSK_PROBE";
}

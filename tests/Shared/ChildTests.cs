using System.Diagnostics;
using System.Reflection;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Tests of this assembly in a process of their own: the emulator reads its settings from the environment, once.</summary>
internal static class ChildTests
{
    private const string Mark = "LONGSEQ_CHILD_TESTS";

    /// <summary>Whether this process was started by <see cref="Run"/>.</summary>
    public static bool IsChild => Environment.GetEnvironmentVariable(Mark) is not null;

    /// <summary>Runs tests over the library that this process has loaded, and fails when one of them does, or when there are none.</summary>
    /// <param name="filter">Part of their full names.</param>
    /// <param name="variables">The environment beside that of this process.</param>
    public static void Run(string filter, params IEnumerable<(string Name, string Value)> variables)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--filter", $"FullyQualifiedName~{filter}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Insert(0, Assembly.GetExecutingAssembly().Location);
        }
        start.Environment[LongSeqNative.PathVariable] = LongSeqNative.LoadReport.Path;
        start.Environment[Mark] = "1";
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, () => output + errors.Result);
    }

    /// <summary>Runs the rest of a test in a process of its own, whose environment it needs.</summary>
    /// <param name="test">The test's full name.</param>
    /// <param name="variable">The variable that it needs.</param>
    /// <param name="body">What it does there.</param>
    public static void RunIn(string test, (string Name, string Value) variable, Action body)
    {
        if (IsChild)
        {
            body();
        }
        else
        {
            Run(test, variable);
        }
    }
}

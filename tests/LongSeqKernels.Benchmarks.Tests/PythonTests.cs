using System.ComponentModel;
using System.Diagnostics;
using LongSeqKernels.Tests;

namespace LongSeqKernels.Benchmarks.Tests;

/// <summary>Comparisons, measurements and checks are Python programs; the comparison of two commits and the load on <c>lsk serve</c> have tests of their own.</summary>
[TestFixture]
public sealed class PythonTests
{
    private static string[] Folders => ["bench", "cmake", "native", "tests"];

    [TestCase("bench/regression", 11)]
    [TestCase("bench/serving", 8)]
    public void ItsOwnTestsPass(string folder, int tests)
    {
        string said = Run(Path.Combine(RepositoryRoot.Path!, folder), "-m", "unittest", "discover", "-t", ".", "-s", "tests");
        Assert.That(said, Does.Contain($"Ran {tests} tests"));
    }

    [Test]
    public void EveryNameIsDefined()
    {
        string script = Path.Combine(RepositoryRoot.Path!, "tests", "LongSeqKernels.Benchmarks.Tests", "undefined_names.py");
        string[] programs = [.. Folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path!, folder), "*.py", SearchOption.AllDirectories))];
        Assert.That(programs, Has.Length.GreaterThan(20));
        Assert.That(Run(RepositoryRoot.Path!, [script, .. programs]), Is.Empty);
    }

    /// <summary>What python3 printed; fails the test when it failed.</summary>
    private static string Run(string folder, params string[] arguments)
    {
        using Process? python = Start(folder, arguments);
        if (python is null)
        {
            Assert.Ignore($"python3 is not installed: the Python programs of {folder} are left out.");
        }
        Task<string> output = python.StandardOutput.ReadToEndAsync();
        string said = python.StandardError.ReadToEnd() + output.Result;
        Assert.That(python.WaitForExit(TimeSpan.FromMinutes(3)), Is.True);
        Assert.That(python.ExitCode, Is.Zero, said);
        return said;
    }

    private static Process? Start(string folder, string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("python3", ["-B", .. arguments]) { WorkingDirectory = folder, RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}

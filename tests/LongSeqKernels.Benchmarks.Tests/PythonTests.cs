using System.ComponentModel;
using System.Diagnostics;
using LongSeqKernels.Tests;

namespace LongSeqKernels.Benchmarks.Tests;

/// <summary>The comparison of two commits and the load on <c>lsk serve</c> are Python programs with tests of their own.</summary>
[TestFixture]
public sealed class PythonTests
{
    [TestCase("bench/regression", 11)]
    [TestCase("bench/serving", 8)]
    public void ItsOwnTestsPass(string folder, int tests)
    {
        using Process? python = Start(Path.Combine(RepositoryRoot.Path!, folder));
        if (python is null)
        {
            Assert.Ignore($"python3 is not installed: the tests of {folder} are left out.");
        }
        string said = python.StandardError.ReadToEnd();
        Assert.That(python.WaitForExit(TimeSpan.FromMinutes(3)), Is.True);
        Assert.That(python.ExitCode, Is.Zero, said);
        Assert.That(said, Does.Contain($"Ran {tests} tests"));
    }

    private static Process? Start(string folder)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("python3", ["-B", "-m", "unittest", "discover", "-t", ".", "-s", "tests"]) { WorkingDirectory = folder, RedirectStandardError = true });
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}

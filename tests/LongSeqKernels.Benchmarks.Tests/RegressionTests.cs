using System.ComponentModel;
using System.Diagnostics;
using LongSeqKernels.Tests;

namespace LongSeqKernels.Benchmarks.Tests;

/// <summary>The comparison of two commits is a Python program; its own tests say whether it finds what is slower, and nothing else.</summary>
[TestFixture]
public sealed class RegressionTests
{
    [Test]
    public void ItsOwnTestsPass()
    {
        using Process? python = Start(Path.Combine(RepositoryRoot.Path!, "bench/regression"));
        if (python is null)
        {
            Assert.Ignore("python3 is not installed: the tests of bench/regression are left out.");
        }
        string said = python.StandardError.ReadToEnd();
        Assert.That(python.WaitForExit(TimeSpan.FromMinutes(3)), Is.True);
        Assert.That(python.ExitCode, Is.Zero, said);
        Assert.That(said, Does.Contain("Ran 11 tests"));
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

using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class InfoTests
{
    [Test]
    public void TellsTheChosenBackendAndWhy()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "info");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("Auto chose it").And.Contain("managed").And.Contain("reference").And.Contain("portable"));
        Assert.That(run.Errors, Is.Empty);
    }

    [Test]
    public void JsonIsOneDocumentAndTextGoesToStderr()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "info", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("command").GetString(), Is.EqualTo("info"));
        Assert.That(json.GetProperty("machine").GetProperty("threads").GetInt32(), Is.EqualTo(Environment.ProcessorCount));
        Assert.That(json.GetProperty("backends").EnumerateArray().Select(backend => backend.GetProperty("name").GetString()), Is.EquivalentTo(["native", "managed", "portable", "reference"]));
        Assert.That(run.Errors, Does.Contain("processor"));
    }

    [Test]
    public void EnvironmentVariableNamesTheBackend()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, [("LONGSEQ_BACKEND", "reference")], "info", "--json");
        Assert.That(run.Json.GetProperty("chosen").GetString(), Is.EqualTo("reference"));
    }

    [Test]
    public void UnknownBackendInTheEnvironmentIsAFailureInOneLine()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, [("LONGSEQ_BACKEND", "abacus")], "info");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors.TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.One.Contains("abacus"));
        Assert.That(run.Output, Is.Empty);
    }

    [Test]
    public void VerboseShowsWhereAFailureCameFrom()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, [("LONGSEQ_BACKEND", "abacus")], "info", "--verbose");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("   at LongSeqKernels."));
    }

    [Test]
    public void RedirectedOutputHasNoEscapeSequences()
    {
        using var directory = new WorkingDirectory();
        Assert.That(LskProcess.Run(directory.Path, "info").Output, Does.Not.Contain("\u001b"));
    }

    [Test]
    public void FullDeviceUnderStdoutIsAFailure()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Ignore("This system has no /dev/full.");
        }
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Shell(directory.Path, "$LSK info --json > /dev/full");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.ToString());
        Assert.That(run.Errors, Does.Contain("No space left"));
        Assert.That(run.Errors, Does.Not.Contain("   at "));
    }
}

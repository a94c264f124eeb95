using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

/// <summary>Wrong command lines: exit code 2, one line that says what is wrong, nothing on stdout.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class UsageTests
{
    private static readonly string[] Commands = ["demo", "import", "train", "evaluate", "score", "info", "verify", "bench"];

    [TestCase("")]
    [TestCase("trian", "'trian' is not a command", "Did you mean train?")]
    [TestCase("bench --histroy 5", "'--histroy' is not an option of lsk bench", "Did you mean --history?")]
    [TestCase("bench --history many", "--history is \"many\"; it must be whole numbers from 1 to 10000000, separated by commas.")]
    [TestCase("bench --history 0", "--history is \"0\"")]
    [TestCase("bench --seconds NaN", "--seconds is \"NaN\"; it must be a number")]
    [TestCase("bench --type fp8", "--type is \"fp8\"; it must be one of fp32, bf16, fp16.")]
    [TestCase("bench --history", "--history")]
    [TestCase("verify --backend cuda", "--backend is \"cuda\"; it must be one of auto, native, managed, portable, reference.")]
    [TestCase("info extra", "'extra' is not an argument of lsk info.")]
    public void IsRefused(string commandLine, params string[] expected)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(run.ExitCode, Is.EqualTo(2), run.ToString());
        Assert.That(run.Output, Is.Empty);
        foreach (string text in expected)
        {
            Assert.That(run.Errors, Does.Contain(text));
        }
        Assert.That(run.Errors, Does.Contain("--help'").And.Not.Contain("   at "));
    }

    [Test]
    public void JsonReportsTheMistakeAsADocument()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "bench", "--history", "x", "--json");
        Assert.That(run.ExitCode, Is.EqualTo(2));
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("exitCode").GetInt32(), Is.EqualTo(2));
        Assert.That(json.GetProperty("error").GetString(), Does.Contain("--history"));
    }

    [TestCaseSource(nameof(Commands))]
    public void HelpSaysWhatTheCommandDoesAndGivesAnExampleThatNamesIt(string command)
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, command, "--help");
        Assert.That(run.ExitCode, Is.Zero);
        Assert.That(run.Output, Does.Contain("Description:").And.Contain("Usage:").And.Contain("Example").And.Contain($"lsk {command}"));
    }

    [Test]
    public void HelpOfTheToolNamesExitCodesAndCommands()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "--help");
        Assert.That(run.ExitCode, Is.Zero);
        Assert.That(run.Output, Does.Contain("130"));
        foreach (string command in Commands)
        {
            Assert.That(run.Output, Does.Contain($"  {command} "));
        }
    }

    [Test]
    public void VersionIsTheVersion()
    {
        using var directory = new WorkingDirectory();
        Assert.That(LskProcess.Run(directory.Path, "--version").Output, Does.Match(@"^\d+\.\d+\.\d+"));
    }
}

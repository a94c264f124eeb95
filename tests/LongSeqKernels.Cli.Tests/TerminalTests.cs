namespace LongSeqKernels.Cli.Tests;

/// <summary>What somebody at a terminal sees; <c>script</c> plays the terminal.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class TerminalTests
{
    [Test]
    public void TrainingDrawsABarWithRateAndLoss()
    {
        string seen = OnATerminal("TERM=xterm-256color");
        Assert.That(seen, Does.Contain("━").And.Contain("100%").And.Contain("steps/s").And.Contain("loss "));
        Assert.That(seen, Does.Contain("\u001b[").And.Not.Contain("Training: "));
    }

    [Test]
    public void NoColorDrawsItWithoutColours()
    {
        string seen = OnATerminal("TERM=xterm-256color NO_COLOR=1");
        Assert.That(seen, Does.Contain("100%"));
        Assert.That(seen, Does.Not.Match("\u001b\\[[0-9;]*[34]8;"));
        Assert.That(OnATerminal("TERM=xterm-256color"), Does.Match("\u001b\\[[0-9;]*[34]8;"), "With colours there are such sequences.");
    }

    private static string OnATerminal(string environment)
    {
        using var directory = new WorkingDirectory();
        SmallLog.WriteTo(directory);
        string train = $"$LSK train {SmallLog.Name} --out small.model --steps 20 {string.Join(' ', SmallLog.Training)}";
        LskRun run = LskProcess.Shell(directory.Path, $"command -v script > /dev/null || exit 77; export {environment}; script -qec '{train}' /dev/null");
        if (run.ExitCode == 77 || !OperatingSystem.IsLinux())
        {
            Assert.Ignore("There is no util-linux 'script' here to play a terminal.");
        }
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        return run.Output;
    }
}

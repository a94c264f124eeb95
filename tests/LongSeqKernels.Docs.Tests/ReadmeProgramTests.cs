using LongSeqKernels.Cli.Tests;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>The README's program as a process.</summary>
[TestFixture]
public sealed class ReadmeProgramTests
{
    [Test]
    public void ItSaysWhatRanAndWhatItComputed()
    {
        LskRun run = LskProcess.Shell(AppContext.BaseDirectory, "${LSK% *} LongSeqKernels.Docs.Tests.Example.dll");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("Auto chose it"));
        Assert.That(run.Output, Does.Match(@"first target: -?0\.\d{4}, LSE 9\.\d{4}; last, of the new user: 0, LSE -Infinity"));
    }
}

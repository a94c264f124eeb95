using System.Diagnostics;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The same tests over streams that do nothing until somebody waits for them: what relies on work that was only enqueued fails.</summary>
public sealed class LazyStreamsTests
{
    [Test]
    public void NothingReliesOnStreamsThatRunAtOnce()
    {
        EmulatedLibrary.Require(nameof(LazyStreamsTests));
        string library = LongSeqNative.LoadReport.Path;
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--filter", $"FullyQualifiedName~.{nameof(DeviceTests)}."])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Insert(0, typeof(LazyStreamsTests).Assembly.Location);
        }
        start.Environment["EMU_LAZY_STREAMS"] = "1";
        start.Environment[LongSeqNative.PathVariable] = library;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, () => output + errors.Result);
    }
}

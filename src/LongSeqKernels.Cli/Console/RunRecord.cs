using System.Reflection;

namespace LongSeqKernels.Cli;

/// <summary>What it takes to repeat a measurement: the command, the version with its commit, the machine.</summary>
internal sealed record RunRecord(string CommandLine, string Version, DateTime Finished, double Seconds, MachineInfo Machine, string Backend, int Threads)
{
    /// <summary>The run that ends now.</summary>
    public static RunRecord Of(Invocation invocation, ComputeOptions compute, LongSeqContext context, TimeSpan elapsed) => new(
        string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("lsk")),
        typeof(RunRecord).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        DateTime.UtcNow,
        elapsed.TotalSeconds,
        MachineInfo.Read(),
        ComputeOptions.NameOf(context.Backend),
        compute.Threads(invocation));

    /// <summary>The last lines of a Markdown file with results.</summary>
    public string ToMarkdown() =>
        $"Machine: {Machine.Processor}, {Format.Count(Threads, "thread")}, backend {Backend}. lsk {Version}, {Finished:yyyy-MM-dd HH:mm} UTC, {Format.Duration(TimeSpan.FromSeconds(Seconds))}.\n\n    {CommandLine}\n";
}

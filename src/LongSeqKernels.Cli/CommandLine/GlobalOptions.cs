using System.CommandLine;

namespace LongSeqKernels.Cli;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Print one JSON document on stdout; text for people goes to stderr",
        Recursive = true,
    };

    public Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "Show the stack trace of a failure",
        Recursive = true,
    };
}

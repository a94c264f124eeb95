namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk</c> tells the shell; printed by <c>lsk --help</c>.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The work could not be done, or a check failed.</summary>
    public const int Failure = 1;

    /// <summary>The command line was wrong; nothing was started.</summary>
    public const int Usage = 2;

    /// <summary>Ctrl-C or SIGTERM, as shells report it. What had been committed (checkpoints) is there.</summary>
    public const int Interrupted = 130;
}

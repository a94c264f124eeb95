namespace LongSeqKernels.Models;

/// <summary>
/// Imports the history of git repositories: a user is an author, an item a path, an event a commit that touches the path, a basket a commit; the action
/// is A, M or D (added, modified, deleted), the category the directory, the pool the repository. Commits of bots ("[bot]" in name or e-mail) are left out.
/// </summary>
/// <remarks>
/// The time is the author's; where that is more than three years before or more than a day after the committer's (a broken clock), the committer's.
/// </remarks>
public static class GitLogImporter
{
    /// <summary>Runs git on repositories and imports what it prints.</summary>
    /// <param name="repositories">Paths of the repositories: together one log.</param>
    /// <param name="format">How commits become events.</param>
    /// <param name="options">Strictness, filters, limits.</param>
    /// <param name="cancellation">Stops git and the import.</param>
    /// <exception cref="IOException">git cannot be started, or reports an error.</exception>
    /// <exception cref="InvalidDataException">Nothing usable is left, a limit is exceeded, or a row is bad and the import strict.</exception>
    /// <exception cref="OperationCanceledException">The import was cancelled.</exception>
    public static ImportResult ImportRepositories(
        IReadOnlyList<string> repositories, GitLogOptions? format = null, ImportOptions? options = null, CancellationToken cancellation = default)
    {
        return Import([.. repositories.Select(PoolName)], (parser, index) =>
        {
            using var git = GitProcess.Log(repositories[index]);
            using var kill = cancellation.Register(git.Kill);
            using (var lines = new LineReader(LogSource.Stream($"git log of {repositories[index]}", git.Output)))
            {
                parser.Read(lines, cancellation);
            }
            git.Finish();
        }, format, options);
    }

    /// <summary>Imports logs that were printed by <c>git</c> with <see cref="GitLogOptions.LogArguments"/>.</summary>
    /// <param name="logs">A log per repository: together one log.</param>
    /// <param name="format">How commits become events.</param>
    /// <param name="options">Strictness, filters, limits.</param>
    /// <param name="cancellation">Stops the import.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="InvalidDataException">Nothing usable is left, a limit is exceeded, or a row is bad and the import strict.</exception>
    /// <exception cref="OperationCanceledException">The import was cancelled.</exception>
    public static ImportResult ImportLogs(
        IReadOnlyList<LogSource> logs, GitLogOptions? format = null, ImportOptions? options = null, CancellationToken cancellation = default)
    {
        return Import([.. logs.Select(log => PoolName(log.Name))], (parser, index) =>
        {
            using var lines = new LineReader(logs[index]);
            parser.Read(lines, cancellation);
        }, format, options);
    }

    private static ImportResult Import(string[] pools, Action<GitLogParser, int> read, GitLogOptions? format, ImportOptions? options)
    {
        format ??= new GitLogOptions();
        format.Validate();
        options ??= new ImportOptions();
        options.Validate();
        if (pools.Length == 0)
        {
            throw new ArgumentException("There is no repository; there must be one or more.", nameof(pools));
        }
        if (pools.Distinct(StringComparer.Ordinal).Count() < pools.Length)
        {
            // Two repositories in folders of the same name stay apart.
            pools = [.. pools.Select((pool, index) => $"{pool}#{index + 1}")];
        }
        var ledger = new ImportLedger(options);
        var builder = new InteractionLogBuilder();
        long botCommits = 0;
        for (int i = 0; i < pools.Length; i++)
        {
            var parser = new GitLogParser(builder, ledger, format, options, pools.Length > 1 ? pools[i] : "");
            read(parser, i);
            botCommits += parser.BotCommits;
        }
        IEnumerable<string> remarks = botCommits > 0 ? [$"{botCommits} commits of bots were left out."] : [];
        return ledger.Finish(builder, options.Source ?? $"git log: {string.Join(", ", pools)}", remarks);
    }

    private static string PoolName(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}

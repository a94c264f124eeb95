namespace LongSeqKernels.Serving;

/// <summary>How a store is opened.</summary>
public readonly record struct SummaryStoreOptions
{
    /// <summary>Options with their defaults.</summary>
    public SummaryStoreOptions()
    {
    }

    /// <summary>How long a call waits for a connection, for an answer, or for a writer that holds a lock. 1 second to 1 hour.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What happens when there is no SQLite file at the location. A PostgreSQL database must always exist.</summary>
    public MissingStore Missing { get; init; }

    /// <summary>Tells what has expired.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>What opening a store does where there is none.</summary>
public enum MissingStore
{
    /// <summary>Makes an empty one: for those who write.</summary>
    Create,

    /// <summary>Fails: for those who only read, whom an empty store does not help.</summary>
    Refuse,
}

/// <summary>Opens summary stores.</summary>
public static class SummaryStore
{
    private const string SqlitePrefix = "sqlite:";

    /// <summary>Opens a store; makes its tables in a database that has none.</summary>
    /// <param name="location">
    /// <c>sqlite:PATH</c> or a plain path for an SQLite file, which is made when it does not exist (see <see cref="SummaryStoreOptions.Missing"/>); <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE</c> (options of Npgsql behind
    /// <c>?</c>) or a connection string (<c>Host=...;Database=...</c>) for PostgreSQL and engines that speak its protocol and SQL.
    /// </param>
    /// <param name="options">Timeout and clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ArgumentException">The location is malformed, or an option is out of range.</exception>
    /// <exception cref="SummaryStoreException">The database does not answer, is no database, or has tables of another format.</exception>
    public static async ValueTask<ISummaryStore> OpenAsync(string location, SummaryStoreOptions options = default, CancellationToken cancellation = default)
    {
        if (options == default)
        {
            options = new SummaryStoreOptions();
        }
        if (options.Timeout < TimeSpan.FromSeconds(1) || options.Timeout > TimeSpan.FromHours(1))
        {
            throw Error.Invalid(nameof(options.Timeout), $"{options.Timeout.TotalSeconds} s", "from 1 second to 1 hour");
        }
        SqlDatabase database = Database(location, options);
        try
        {
            await SqlSchema.EnsureAsync(database, cancellation);
            return new SqlSummaryStore(database, options.Clock);
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    private static SqlDatabase Database(string location, SummaryStoreOptions options)
    {
        if (string.IsNullOrWhiteSpace(location))
        {
            throw Error.Invalid(nameof(location), "empty", "sqlite:PATH, a path, or postgres://USER@HOST/DATABASE");
        }
        if (location.StartsWith(SqlitePrefix, StringComparison.OrdinalIgnoreCase))
        {
            return new SqliteDatabase(location[SqlitePrefix.Length..], options.Timeout, options.Missing);
        }
        if (PostgresLocation.TryParse(location, out string connectionString))
        {
            return new PostgresDatabase(connectionString, options.Timeout);
        }
        return location.Contains("://", StringComparison.Ordinal)
            ? throw Error.Invalid(nameof(location), $"of the kind \"{location[..location.IndexOf("://", StringComparison.Ordinal)]}\"", "sqlite:PATH, a path, or postgres://USER@HOST/DATABASE")
            : new SqliteDatabase(location, options.Timeout, options.Missing);
    }
}

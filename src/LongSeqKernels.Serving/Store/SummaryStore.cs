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

    /// <summary>Tells what has expired.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>Opens summary stores.</summary>
public static class SummaryStore
{
    private const string SqlitePrefix = "sqlite:";

    /// <summary>Opens a store; makes its tables in a database that has none.</summary>
    /// <param name="location">
    /// <c>sqlite:PATH</c> or a plain path for an SQLite file, which is made when it does not exist; <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE</c> (options of Npgsql behind
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
        SqlDatabase database = Database(location, options.Timeout);
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

    private static SqlDatabase Database(string location, TimeSpan timeout)
    {
        if (string.IsNullOrWhiteSpace(location))
        {
            throw Error.Invalid(nameof(location), "empty", "sqlite:PATH, a path, or postgres://USER@HOST/DATABASE");
        }
        if (location.StartsWith(SqlitePrefix, StringComparison.OrdinalIgnoreCase))
        {
            return new SqliteDatabase(location[SqlitePrefix.Length..], timeout);
        }
        if (PostgresLocation.TryParse(location, out string connectionString))
        {
            return new PostgresDatabase(connectionString, timeout);
        }
        return location.Contains("://", StringComparison.Ordinal)
            ? throw Error.Invalid(nameof(location), $"of the kind \"{location[..location.IndexOf("://", StringComparison.Ordinal)]}\"", "sqlite:PATH, a path, or postgres://USER@HOST/DATABASE")
            : new SqliteDatabase(location, timeout);
    }
}

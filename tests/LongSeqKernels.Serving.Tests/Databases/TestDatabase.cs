using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace LongSeqKernels.Serving.Tests;

/// <summary>The kinds of database that every test of the store runs over.</summary>
public enum DatabaseKind
{
    Sqlite,
    Postgres,
}

/// <summary>An empty database of a test's own: a file, or a schema of the server. Removed at the end.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private readonly string? _folder;
    private readonly string? _schema;

    private TestDatabase(DatabaseKind kind, string location, string? folder, string? schema) => (Kind, Location, _folder, _schema) = (kind, location, folder, schema);

    public DatabaseKind Kind { get; }

    /// <summary>What <see cref="SummaryStore.OpenAsync"/> takes.</summary>
    public string Location { get; }

    /// <summary>The SQLite file.</summary>
    public string File => Location["sqlite:".Length..];

    public static TestDatabase Create(DatabaseKind kind)
    {
        if (kind == DatabaseKind.Sqlite)
        {
            string folder = Directory.CreateTempSubdirectory("longseq-store-").FullName;
            return new TestDatabase(kind, "sqlite:" + Path.Combine(folder, "store.db"), folder, null);
        }
        PostgresServer.Require();
        string schema = "t" + Guid.NewGuid().ToString("N");
        var database = new TestDatabase(kind, new NpgsqlConnectionStringBuilder(PostgresServer.ConnectionString) { SearchPath = schema }.ConnectionString, null, schema);
        database.Execute($"CREATE SCHEMA {schema}");
        return database;
    }

    public ValueTask<ISummaryStore> OpenAsync(TimeProvider? clock = null) => SummaryStore.OpenAsync(Location, new SummaryStoreOptions { Clock = clock ?? TimeProvider.System });

    /// <summary>Runs a statement behind the store's back.</summary>
    public int Execute(string sql, params (string Name, object Value)[] parameters)
    {
        using DbConnection connection = Kind == DatabaseKind.Sqlite ? new SqliteConnection($"Data Source={File}") : new NpgsqlConnection(Location);
        connection.Open();
        using DbCommand command = SqlDatabase.Command(connection, null, sql, parameters);
        return command.ExecuteNonQuery();
    }

    public ValueTask DisposeAsync()
    {
        if (_schema is not null)
        {
            Execute($"DROP SCHEMA {_schema} CASCADE");
            using var connection = new NpgsqlConnection(Location);
            NpgsqlConnection.ClearPool(connection);
        }
        if (_folder is not null)
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(_folder, recursive: true);
        }
        return ValueTask.CompletedTask;
    }
}

/// <summary>A clock that tests set.</summary>
internal sealed class ManualClock(long unixSeconds) : TimeProvider
{
    public long UnixSeconds { get; set; } = unixSeconds;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(UnixSeconds);
}

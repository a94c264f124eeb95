using System.Data.Common;
using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;

namespace LongSeqKernels.Serving;

/// <summary>A PostgreSQL database, or an engine that speaks its protocol and SQL. Nothing that only a single node can do is used.</summary>
internal sealed class PostgresDatabase : SqlDatabase
{
    private readonly NpgsqlDataSource _source;

    public PostgresDatabase(string connectionString, TimeSpan timeout)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        Description = $"PostgreSQL at {settings.Host}:{settings.Port}, database {settings.Database ?? settings.Username}";
        if (!settings.ContainsKey("Timeout"))
        {
            settings.Timeout = (int)Math.Min(timeout.TotalSeconds, 1024);
        }
        if (!settings.ContainsKey("Command Timeout"))
        {
            settings.CommandTimeout = (int)timeout.TotalSeconds;
        }
        _source = NpgsqlDataSource.Create(settings);
    }

    public override string Description { get; }

    public override string Bytes => "BYTEA";

    public override string FormatTable => "information_schema.tables WHERE table_name = 'lsk_format' AND table_schema = current_schema()";

    public override string SkipLocked => "FOR UPDATE SKIP LOCKED";

    public override string Now => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

    public override string UserIsOneOf => "user_id = ANY(@users)";

    public override void AddNames(DbCommand command, IReadOnlyList<string> users) => Add(command, "@users", NpgsqlDbType.Text, users.ToArray());

    public override async ValueTask<int> PutAsync(DbConnection connection, DbTransaction transaction, IReadOnlyList<SummaryRow> rows, CancellationToken cancellation)
    {
        await using DbCommand command = Command(
            connection, transaction,
            $"""
            INSERT INTO lsk_summary (user_id, version, history_time, expires, record, state)
            SELECT * FROM unnest(@user, @version, @time, @expires, @record, @state)
            {SqlStatements.ReplaceOlder}
            """);
        Add(command, "@user", NpgsqlDbType.Text, rows.Select(row => row.User).ToArray());
        Add(command, "@version", NpgsqlDbType.Text, rows.Select(row => row.Version).ToArray());
        Add(command, "@time", NpgsqlDbType.Bigint, rows.Select(row => row.HistoryTime).ToArray());
        Add(command, "@expires", NpgsqlDbType.Bigint, rows.Select(row => row.Expires).ToArray());
        Add(command, "@record", NpgsqlDbType.Bytea, rows.Select(row => row.Record).ToArray());
        Add(command, "@state", NpgsqlDbType.Bytea, rows.Select(row => row.State).ToArray());
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    protected override async ValueTask<DbConnection> OpenAsync(CancellationToken cancellation) => await _source.OpenConnectionAsync(cancellation);

    protected override SummaryStoreException? Explain(Exception exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DiskFull or PostgresErrorCodes.ConfigurationLimitExceeded } =>
            new(StoreFault.Full, $"{Description} cannot grow: its disk or quota is full. What was stored before is intact.", exception),
        PostgresException { SqlState: "28P01" or "28000" or "3D000" or "42501" } refused =>
            new(StoreFault.Unreachable, $"{Description} refuses this login: {refused.MessageText}", exception),
        PostgresException server when server.SqlState.StartsWith("08", StringComparison.Ordinal) || server.SqlState.StartsWith("53", StringComparison.Ordinal)
            || server.SqlState.StartsWith("57", StringComparison.Ordinal) || server.SqlState.StartsWith("40", StringComparison.Ordinal) =>
            new(StoreFault.Unreachable, $"{Description} cannot do it now: {server.MessageText}", exception),
        PostgresException server when server.SqlState.StartsWith("XX", StringComparison.Ordinal) =>
            new(StoreFault.Damaged, $"{Description} reports damage: {server.MessageText}", exception),
        PostgresException => null,
        NpgsqlException or SocketException or TimeoutException or IOException =>
            new(StoreFault.Unreachable, $"{Description} does not answer: {exception.Message}", exception),
        _ => null,
    };

    /// <summary>Serialisation failures and deadlocks, and the races of two processes that make the same tables.</summary>
    protected override bool MustRunAgain(DbException exception) => exception.SqlState is
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.UniqueViolation
        or PostgresErrorCodes.DuplicateObject;

    private static void Add(DbCommand command, string name, NpgsqlDbType element, Array values) =>
        command.Parameters.Add(new NpgsqlParameter(name, NpgsqlDbType.Array | element) { Value = values });
}

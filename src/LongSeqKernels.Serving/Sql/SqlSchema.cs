using System.Data.Common;

namespace LongSeqKernels.Serving;

/// <summary>The tables. They are made when a database has none; a database with those of another format is refused.</summary>
internal static class SqlSchema
{
    /// <summary>The format of the tables that this release makes and knows.</summary>
    public const int Format = 1;

    /// <summary>Makes the tables that are missing and checks their format.</summary>
    public static async ValueTask EnsureAsync(SqlDatabase database, CancellationToken cancellation)
    {
        long format = await database.ReadAsync(connection => FormatAsync(database, connection, null, cancellation), cancellation);
        if (format == 0)
        {
            format = await database.WriteAsync((connection, transaction) => CreateAsync(database, connection, transaction, cancellation), cancellation);
        }
        if (format != Format)
        {
            throw new SummaryStoreException(
                StoreFault.ForeignFormat, $"{database.Description} has tables of format {format}; this release knows format {Format}. Use the release that made them, or another database.");
        }
    }

    private static async ValueTask<long> CreateAsync(SqlDatabase database, DbConnection connection, DbTransaction transaction, CancellationToken cancellation)
    {
        foreach (string statement in Statements(database.Bytes))
        {
            await SqlDatabase.ExecuteAsync(connection, transaction, statement, cancellation);
        }
        return await FormatAsync(database, connection, transaction, cancellation);
    }

    /// <summary>0 for a database without tables.</summary>
    private static async ValueTask<long> FormatAsync(SqlDatabase database, DbConnection connection, DbTransaction? transaction, CancellationToken cancellation)
    {
        await using DbCommand command = SqlDatabase.Command(connection, transaction, $"SELECT COUNT(*) FROM {database.FormatTable}");
        if (Convert.ToInt64(await command.ExecuteScalarAsync(cancellation), null) == 0)
        {
            return 0;
        }
        await using DbCommand format = SqlDatabase.Command(connection, transaction, "SELECT COALESCE(MAX(format), 0) FROM lsk_format");
        return Convert.ToInt64(await format.ExecuteScalarAsync(cancellation), null);
    }

    private static string[] Statements(string bytes) =>
    [
        $"""
        CREATE TABLE IF NOT EXISTS lsk_summary (
            version TEXT NOT NULL,
            user_id TEXT NOT NULL,
            history_time BIGINT NOT NULL,
            expires BIGINT NOT NULL,
            record {bytes} NOT NULL,
            state {bytes} NOT NULL,
            PRIMARY KEY (version, user_id))
        """,
        // No index but the key begins with the version: a planner without statistics would take it and read all users.
        "CREATE INDEX IF NOT EXISTS lsk_summary_user ON lsk_summary (user_id)",
        "CREATE INDEX IF NOT EXISTS lsk_summary_expires ON lsk_summary (expires)",
        """
        CREATE TABLE IF NOT EXISTS lsk_run (
            run TEXT PRIMARY KEY,
            version TEXT NOT NULL,
            started BIGINT NOT NULL)
        """,
        """
        CREATE TABLE IF NOT EXISTS lsk_job (
            run TEXT NOT NULL,
            job BIGINT NOT NULL,
            first_user BIGINT NOT NULL,
            users BIGINT NOT NULL,
            events BIGINT NOT NULL,
            finished BIGINT NOT NULL DEFAULT 0,
            leased_until BIGINT NOT NULL DEFAULT 0,
            lease TEXT NOT NULL DEFAULT '',
            failures BIGINT NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (run, job))
        """,
        "CREATE INDEX IF NOT EXISTS lsk_job_open ON lsk_job (run, finished, leased_until)",
        "CREATE TABLE IF NOT EXISTS lsk_format (format BIGINT PRIMARY KEY)",
        $"INSERT INTO lsk_format (format) VALUES ({Format}) ON CONFLICT DO NOTHING",
    ];
}

using System.Data.Common;

namespace LongSeqKernels.Serving;

/// <summary>The store over either database.</summary>
internal sealed class SqlSummaryStore(SqlDatabase database, TimeProvider clock) : ISummaryStore
{
    /// <summary>Rows that one transaction removes: engines limit the size of a transaction, and a long one keeps writers waiting.</summary>
    private const int RowsPerDeletion = 1000;

    public string Description => database.Description;

    public ISummaryWork Work { get; } = new SqlSummaryWork(database);

    public ValueTask DisposeAsync() => database.DisposeAsync();

    public async ValueTask<SummaryLookup[]> GetBatchAsync(IReadOnlyList<string> users, string version, RecordParts parts, CancellationToken cancellation)
    {
        _ = SummaryRecordFormat.Name(version, nameof(version));
        if (users.Count == 0)
        {
            return [];
        }
        foreach (string user in users)
        {
            _ = SummaryRecordFormat.Name(user, nameof(users));
        }
        string[] distinct = [.. users.Distinct(StringComparer.Ordinal)];
        Dictionary<string, SummaryLookup> found = await database.ReadAsync(connection => ReadAsync(connection, distinct, version, parts, cancellation), cancellation);
        string[] missing = [.. distinct.Where(user => !found.ContainsKey(user))];
        if (missing.Length > 0)
        {
            await ExplainMissingAsync(missing, version, found, cancellation);
        }
        return [.. users.Select(user => found[user])];
    }

    public ValueTask<int> PutAsync(IReadOnlyList<SummaryRecord> records, CancellationToken cancellation)
    {
        IReadOnlyList<SummaryRow> rows = Rows(records);
        return rows.Count == 0
            ? ValueTask.FromResult(0)
            : database.WriteAsync((connection, transaction) => database.PutAsync(connection, transaction, rows, cancellation), cancellation);
    }

    public ValueTask<IReadOnlyList<SummaryVersion>> ListVersionsAsync(CancellationToken cancellation) =>
        database.ReadAsync<IReadOnlyList<SummaryVersion>>(
            async connection =>
            {
                await using DbCommand command = SqlDatabase.Command(connection, null, "SELECT version, COUNT(*) FROM lsk_summary GROUP BY version ORDER BY version");
                await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
                var versions = new List<SummaryVersion>();
                while (await reader.ReadAsync(cancellation))
                {
                    versions.Add(new SummaryVersion(reader.GetString(0), reader.GetInt64(1)));
                }
                return versions;
            },
            cancellation);

    public ValueTask<long> DeleteVersionAsync(string version, CancellationToken cancellation)
    {
        _ = SummaryRecordFormat.Name(version, nameof(version));
        return DeleteAsync("version = @version", ("@version", version), cancellation);
    }

    public async ValueTask<long> DeleteUserAsync(string user, CancellationToken cancellation)
    {
        _ = SummaryRecordFormat.Name(user, nameof(user));
        return await database.WriteAsync(
            (connection, transaction) => SqlDatabase.ExecuteAsync(connection, transaction, "DELETE FROM lsk_summary WHERE user_id = @user", cancellation, ("@user", user)), cancellation);
    }

    public ValueTask<long> PurgeExpiredAsync(CancellationToken cancellation) =>
        DeleteAsync("expires <= @now", ("@now", clock.GetUtcNow().ToUnixTimeSeconds()), cancellation);

    public async ValueTask PingAsync(CancellationToken cancellation) =>
        _ = await database.ReadAsync(
            async connection =>
            {
                await using DbCommand command = SqlDatabase.Command(connection, null, "SELECT format FROM lsk_format");
                return await command.ExecuteScalarAsync(cancellation);
            },
            cancellation);

    /// <summary>The rows of records, checked, in the order of their keys: transactions that lock rows in one order do not deadlock.</summary>
    internal static IReadOnlyList<SummaryRow> Rows(IReadOnlyList<SummaryRecord> records)
    {
        SummaryRow[] rows =
        [
            .. records
                .Select(record => new SummaryRow(record.User, record.Version, record.HistoryTime, record.ExpiryTime, SummaryRecordFormat.Write(record), record.State.ToArray()))
                .OrderBy(row => row.User, StringComparer.Ordinal)
                .ThenBy(row => row.Version, StringComparer.Ordinal),
        ];
        for (int i = 1; i < rows.Length; i++)
        {
            if (rows[i].User == rows[i - 1].User && rows[i].Version == rows[i - 1].Version)
            {
                throw Error.Invalid(nameof(records), $"a list with two records of user '{rows[i].User}', version '{rows[i].Version}'", "a list with at most one per user and version");
            }
        }
        return rows;
    }

    private async ValueTask<Dictionary<string, SummaryLookup>> ReadAsync(DbConnection connection, string[] users, string version, RecordParts parts, CancellationToken cancellation)
    {
        string columns = parts == RecordParts.SummaryAndState ? "user_id, record, state" : "user_id, record";
        await using DbCommand command = SqlDatabase.Command(connection, null, $"SELECT {columns} FROM lsk_summary WHERE version = @version AND {database.UserIsOneOf}", ("@version", version));
        database.AddNames(command, users);
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        var found = new Dictionary<string, SummaryLookup>(users.Length, StringComparer.Ordinal);
        await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            string user = reader.GetString(0);
            found[user] = Check(user, version, now, (byte[])reader[1], parts == RecordParts.SummaryAndState ? (byte[])reader[2] : null);
        }
        return found;
    }

    private static SummaryLookup Check(string user, string version, long now, byte[] bytes, byte[]? state)
    {
        SummaryRecord record;
        try
        {
            record = SummaryRecordFormat.Read(bytes, state is null ? default(ReadOnlyMemory<byte>?) : state);
        }
        catch (SummaryStoreException exception)
        {
            return SummaryLookup.Missing(new SummaryStoreException(exception.Fault, $"User '{user}', version '{version}': {exception.Message}", exception));
        }
        return record.User != user || record.Version != version
            ? SummaryLookup.Missing(new SummaryStoreException(
                StoreFault.Damaged, $"The record of user '{user}', version '{version}' is damaged: it is that of user '{record.User}', version '{record.Version}'. Summarise the user again."))
            : record.ExpiryTime <= now
            ? SummaryLookup.Missing(new SummaryStoreException(
                StoreFault.Expired, $"The summary of user '{user}', version '{version}' expired at {Iso(record.ExpiryTime)}. Summarise the user again."))
            : SummaryLookup.Found(record);
    }

    /// <summary>Tells users that nobody knows from those that only other versions know; costs a round trip where something is missing.</summary>
    private async ValueTask ExplainMissingAsync(string[] missing, string version, Dictionary<string, SummaryLookup> found, CancellationToken cancellation)
    {
        var versions = await database.ReadAsync(
            async connection =>
            {
                await using DbCommand command = SqlDatabase.Command(connection, null, $"SELECT user_id, version FROM lsk_summary WHERE {database.UserIsOneOf} ORDER BY user_id, version");
                database.AddNames(command, missing);
                await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
                var rows = new List<(string User, string Version)>();
                while (await reader.ReadAsync(cancellation))
                {
                    rows.Add((reader.GetString(0), reader.GetString(1)));
                }
                return rows.ToLookup(row => row.User, row => row.Version, StringComparer.Ordinal);
            },
            cancellation);
        foreach (string user in missing)
        {
            string[] others = [.. versions[user]];
            found[user] = SummaryLookup.Missing(others.Length == 0
                ? new SummaryStoreException(StoreFault.UnknownUser, $"There is no summary of user '{user}' in {Description}.")
                : new SummaryStoreException(
                    StoreFault.ForeignVersion, $"User '{user}' has no summary of version '{version}', only of {string.Join(", ", others.Select(other => $"'{other}'"))}. Summarise with this model."));
        }
    }

    /// <summary>Removes the rows of a condition, a limited number in each transaction.</summary>
    private async ValueTask<long> DeleteAsync(string condition, (string Name, object Value) parameter, CancellationToken cancellation)
    {
        string statement =
            $"""
            DELETE FROM lsk_summary WHERE {condition}
            AND (version, user_id) IN (SELECT version, user_id FROM lsk_summary WHERE {condition} LIMIT {RowsPerDeletion})
            """;
        long removed = 0;
        int last;
        do
        {
            last = await database.WriteAsync((connection, transaction) => SqlDatabase.ExecuteAsync(connection, transaction, statement, cancellation, parameter), cancellation);
            removed += last;
        }
        while (last > 0);
        return removed;
    }

    private static string Iso(long unixSeconds) =>
        unixSeconds is > -62_135_596_800 and < 253_402_300_800
            ? DateTimeOffset.FromUnixTimeSeconds(unixSeconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'")
            : $"second {unixSeconds}";
}

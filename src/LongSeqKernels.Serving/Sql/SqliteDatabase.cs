using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace LongSeqKernels.Serving;

/// <summary>An SQLite file with a write-ahead log: any number of readers beside one writer, also from several processes of one machine.</summary>
internal sealed class SqliteDatabase : SqlDatabase
{
    // Primary result codes of SQLite.
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int InputOutput = 10;
    private const int Corrupt = 11;
    private const int DiskFull = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    private readonly string _path;
    private readonly string _connectionString;
    private readonly TimeSpan _timeout;
    private bool _walIsOn;

    public SqliteDatabase(string path, TimeSpan timeout, MissingStore missing)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains(":memory:", StringComparison.Ordinal))
        {
            throw Error.Invalid("location", path.Length == 0 ? "an empty path" : path, "the path of an SQLite file");
        }
        _path = path;
        _timeout = timeout;
        var connection = new SqliteConnectionStringBuilder
        {
            DataSource = Path.GetFullPath(path),
            DefaultTimeout = (int)timeout.TotalSeconds,
        };
        if (missing == MissingStore.Refuse)
        {
            connection.Mode = SqliteOpenMode.ReadWrite;
        }
        _connectionString = connection.ConnectionString;
    }

    public override string Description => $"the SQLite file {_path}";

    public override string Bytes => "BLOB";

    public override string FormatTable => "sqlite_master WHERE name = 'lsk_format'";

    public override string SkipLocked => "";

    public override string Now => "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

    public override string UserIsOneOf => "user_id IN (SELECT value FROM json_each(@users))";

    public override void AddNames(DbCommand command, IReadOnlyList<string> users) =>
        ((SqliteCommand)command).Parameters.AddWithValue("@users", JsonSerializer.Serialize([.. users], ServingJson.Default.StringArray));

    public override async ValueTask<int> PutAsync(DbConnection connection, DbTransaction transaction, IReadOnlyList<SummaryRow> rows, CancellationToken cancellation)
    {
        await using DbCommand command = Command(
            connection, transaction,
            $"""
            INSERT INTO lsk_summary (user_id, version, history_time, expires, record, state) VALUES (@user, @version, @time, @expires, @record, @state)
            {SqlStatements.ReplaceOlder}
            """,
            ("@user", ""), ("@version", ""), ("@time", 0L), ("@expires", 0L), ("@record", Array.Empty<byte>()), ("@state", Array.Empty<byte>()));
        int written = 0;
        foreach (SummaryRow row in rows)
        {
            cancellation.ThrowIfCancellationRequested();
            command.Parameters["@user"].Value = row.User;
            command.Parameters["@version"].Value = row.Version;
            command.Parameters["@time"].Value = row.HistoryTime;
            command.Parameters["@expires"].Value = row.Expires;
            command.Parameters["@record"].Value = row.Record;
            command.Parameters["@state"].Value = row.State;
            written += await command.ExecuteNonQueryAsync(cancellation);
        }
        return written;
    }

    public override ValueTask DisposeAsync()
    {
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
        return ValueTask.CompletedTask;
    }

    protected override async ValueTask<DbConnection> OpenAsync(CancellationToken cancellation)
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            // WAL is a property of the file; FULL makes a commit survive a loss of power, too.
            string wal = _walIsOn ? "" : "PRAGMA journal_mode = WAL; ";
            await ExecuteAsync(connection, null, string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout = {(int)_timeout.TotalMilliseconds}; {wal}PRAGMA synchronous = FULL"), cancellation);
            _walIsOn = true;
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    protected override SummaryStoreException? Explain(Exception exception)
    {
        if (exception is not SqliteException sqlite)
        {
            return null;
        }
        return sqlite.SqliteErrorCode switch
        {
            DiskFull => new(StoreFault.Full, $"{Description} cannot grow: the disk or the quota is full. What was stored before is intact.", exception),
            Busy or Locked => new(StoreFault.Unreachable, $"{Description} stayed locked by another writer for {_timeout.TotalSeconds} s.", exception),
            CannotOpen when !File.Exists(_path) && Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(_path))) => new(StoreFault.Unreachable, $"{Description} does not exist.", exception),
            CannotOpen => new(StoreFault.Unreachable, $"{Description} cannot be opened: its directory must exist and allow writing.", exception),
            ReadOnly => new(StoreFault.Unreachable, $"{Description} is read-only; a store must be writable.", exception),
            InputOutput => new(StoreFault.Unreachable, $"{Description} cannot be read or written: {exception.Message}", exception),
            NotADatabase => new(StoreFault.ForeignFormat, $"{_path} is not an SQLite file.", exception),
            Corrupt => new(StoreFault.Damaged, $"{Description} is damaged: {exception.Message}", exception),
            _ => null,
        };
    }

    /// <summary>SQLite itself waits for locks.</summary>
    protected override bool MustRunAgain(DbException exception) => false;
}

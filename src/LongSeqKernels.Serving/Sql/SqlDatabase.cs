using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace LongSeqKernels.Serving;

/// <summary>
/// What differs between the databases: connections, the few words of SQL that are not common to them, and how their errors are told. Statements elsewhere use nothing but
/// standard SQL, <c>ON CONFLICT</c> and <c>RETURNING</c>, so that engines that only speak PostgreSQL's protocol run them as well.
/// </summary>
internal abstract class SqlDatabase : IAsyncDisposable
{
    private const int MaxAttempts = 8;

    /// <summary>The kind and place, without secrets.</summary>
    public abstract string Description { get; }

    /// <summary>The type of a column of bytes.</summary>
    public abstract string Bytes { get; }

    /// <summary>Where the catalogue tells whether the table lsk_format is there: a table and a condition.</summary>
    public abstract string FormatTable { get; }

    /// <summary>The clause with which a claim passes over rows that another claim has locked; empty where writers queue.</summary>
    public abstract string SkipLocked { get; }

    /// <summary>The database's clock in Unix milliseconds: leases must not depend on the clocks of workers' machines.</summary>
    public abstract string Now { get; }

    /// <summary>A condition: user_id is one of the names that <see cref="AddNames"/> gave as @users.</summary>
    public abstract string UserIsOneOf { get; }

    public abstract ValueTask DisposeAsync();

    /// <summary>Adds the parameter @users.</summary>
    public abstract void AddNames(DbCommand command, IReadOnlyList<string> users);

    /// <summary>Writes rows of summaries; see <see cref="ISummaryStore.PutAsync"/>.</summary>
    /// <returns>How many were written.</returns>
    public abstract ValueTask<int> PutAsync(DbConnection connection, DbTransaction transaction, IReadOnlyList<SummaryRow> rows, CancellationToken cancellation);

    /// <summary>Runs statements that change nothing; retried when the database asks for it.</summary>
    public ValueTask<T> ReadAsync<T>(Func<DbConnection, ValueTask<T>> work, CancellationToken cancellation) =>
        RunAsync(work, cancellation);

    /// <summary>Runs statements as one transaction, which is committed when they are through; retried when the database asks for it.</summary>
    public ValueTask<T> WriteAsync<T>(Func<DbConnection, DbTransaction, ValueTask<T>> work, CancellationToken cancellation) =>
        RunAsync(
            async connection =>
            {
                await using DbTransaction transaction = await connection.BeginTransactionAsync(cancellation);
                T result = await work(connection, transaction);
                await transaction.CommitAsync(cancellation);
                return result;
            },
            cancellation);

    /// <summary>A statement.</summary>
    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "Statements are constants of this assembly; values are parameters.")]
    public static DbCommand Command(DbConnection connection, DbTransaction? transaction, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        DbCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach ((string name, object value) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }
        return command;
    }

    /// <summary>Runs a statement for its number of changed rows.</summary>
    public static async ValueTask<int> ExecuteAsync(DbConnection connection, DbTransaction? transaction, string sql, CancellationToken cancellation, params (string Name, object Value)[] parameters)
    {
        await using DbCommand command = Command(connection, transaction, sql, parameters);
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>An open connection.</summary>
    protected abstract ValueTask<DbConnection> OpenAsync(CancellationToken cancellation);

    /// <summary>What an exception of the driver means; null when it is a mistake of this library.</summary>
    protected abstract SummaryStoreException? Explain(Exception exception);

    /// <summary>Whether a database that runs transactions side by side asks for this one to be run again.</summary>
    protected abstract bool MustRunAgain(DbException exception);

    private async ValueTask<T> RunAsync<T>(Func<DbConnection, ValueTask<T>> work, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using DbConnection connection = await OpenAsync(cancellation);
                return await work(connection);
            }
            catch (DbException exception) when (attempt < MaxAttempts && MustRunAgain(exception))
            {
                await Task.Delay(Random.Shared.Next(1, 10 << attempt), cancellation);
            }
            catch (Exception exception) when (exception is not OperationCanceledException && Explain(exception) is { } explained)
            {
                throw explained;
            }
        }
    }
}

/// <summary>A record as it lies in the table.</summary>
/// <param name="User">Part of the key.</param>
/// <param name="Version">Part of the key.</param>
/// <param name="HistoryTime">The row with newer events stays.</param>
/// <param name="Expires">Unix seconds.</param>
/// <param name="Record">What <see cref="SummaryRecordFormat.Write"/> gave.</param>
/// <param name="State">The incremental state.</param>
internal sealed record SummaryRow(string User, string Version, long HistoryTime, long Expires, byte[] Record, byte[] State);

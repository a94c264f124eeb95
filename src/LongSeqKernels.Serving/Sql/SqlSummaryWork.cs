using System.Data.Common;

namespace LongSeqKernels.Serving;

/// <summary>The work table over either database. Times are the database's own, in Unix milliseconds.</summary>
internal sealed class SqlSummaryWork(SqlDatabase database) : ISummaryWork
{
    private const int RateMilliseconds = 60_000;
    private const int MaxErrorLength = 1000;
    private const int ErrorsShown = 20;
    private const int JobsPerStatement = 500;

    public async ValueTask<WorkProgress> StartAsync(string run, string version, IReadOnlyList<UserBatch> batches, CancellationToken cancellation)
    {
        _ = SummaryRecordFormat.Name(run, nameof(run));
        _ = SummaryRecordFormat.Name(version, nameof(version));
        await database.WriteAsync(
            async (connection, transaction) =>
            {
                int isNew = await SqlDatabase.ExecuteAsync(
                    connection, transaction, $"INSERT INTO lsk_run (run, version, started) VALUES (@run, @version, {database.Now}) ON CONFLICT DO NOTHING", cancellation,
                    ("@run", run), ("@version", version));
                if (isNew == 1)
                {
                    await AddJobsAsync(connection, transaction, run, batches, cancellation);
                }
                return await SqlDatabase.ExecuteAsync(
                    connection, transaction, "UPDATE lsk_job SET failures = 0 WHERE run = @run AND finished = 0 AND failures > 0", cancellation, ("@run", run));
            },
            cancellation);
        return await ProgressAsync(run, cancellation);
    }

    public ValueTask<WorkClaim?> ClaimAsync(string run, TimeSpan lease, CancellationToken cancellation)
    {
        string statement =
            $"""
            UPDATE lsk_job SET lease = @lease, leased_until = {database.Now} + @duration
            WHERE run = @run AND job = (
                SELECT job FROM lsk_job
                WHERE run = @run AND finished = 0 AND leased_until < {database.Now} AND failures < {WorkClaim.MaxFailures}
                ORDER BY job LIMIT 1 {database.SkipLocked})
            RETURNING job, first_user, users, events
            """;
        string token = Guid.NewGuid().ToString("N");
        return database.WriteAsync<WorkClaim?>(
            async (connection, transaction) =>
            {
                await using DbCommand command = SqlDatabase.Command(connection, transaction, statement, ("@run", run), ("@lease", token), ("@duration", Milliseconds(lease)));
                await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
                return await reader.ReadAsync(cancellation)
                    ? new WorkClaim(run, reader.GetInt64(0), token, new UserBatch(reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3)))
                    : null;
            },
            cancellation);
    }

    public ValueTask<bool> RenewAsync(WorkClaim claim, TimeSpan lease, CancellationToken cancellation) =>
        UpdateAsync(claim, $"leased_until = {database.Now} + @duration", cancellation, ("@duration", Milliseconds(lease)));

    public ValueTask<bool> CompleteAsync(WorkClaim claim, IReadOnlyList<SummaryRecord> records, CancellationToken cancellation)
    {
        IReadOnlyList<SummaryRow> rows = SqlSummaryStore.Rows(records);
        return database.WriteAsync(
            async (connection, transaction) =>
            {
                // The job first: it is locked from here on, and without it there is nothing to write.
                bool held = await UpdateAsync(connection, transaction, claim, $"finished = {database.Now}, leased_until = 0", cancellation);
                if (held && rows.Count > 0)
                {
                    await database.PutAsync(connection, transaction, rows, cancellation);
                }
                return held;
            },
            cancellation);
    }

    public async ValueTask ReleaseAsync(WorkClaim claim, CancellationToken cancellation) => await UpdateAsync(claim, "leased_until = 0, lease = ''", cancellation);

    public async ValueTask FailAsync(WorkClaim claim, string error, CancellationToken cancellation) =>
        await UpdateAsync(
            claim, "leased_until = 0, lease = '', failures = failures + 1, error = @error", cancellation,
            ("@error", error.Length > MaxErrorLength ? error[..MaxErrorLength] : error));

    public ValueTask<WorkProgress> ProgressAsync(string run, CancellationToken cancellation)
    {
        string statement =
            $"""
            SELECT COUNT(*), COALESCE(SUM(users), 0), COALESCE(SUM(events), 0),
                COALESCE(SUM(CASE WHEN finished > 0 THEN 1 ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN finished > 0 THEN users ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN finished > 0 THEN events ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN finished = 0 AND leased_until >= {database.Now} THEN 1 ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN finished = 0 AND failures >= {WorkClaim.MaxFailures} THEN 1 ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN finished > {database.Now} - {RateMilliseconds} THEN events ELSE 0 END), 0),
                (SELECT COALESCE(MAX({database.Now} - started), 0) FROM lsk_run WHERE run = @run)
            FROM lsk_job WHERE run = @run
            """;
        return database.ReadAsync(
            async connection =>
            {
                await using DbCommand command = SqlDatabase.Command(connection, null, statement, ("@run", run));
                await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
                await reader.ReadAsync(cancellation);
                // Sums of integers are DECIMAL in some databases.
                long Number(int column) => Convert.ToInt64(reader.GetValue(column), null);
                double seconds = Math.Clamp(Number(9), 1, RateMilliseconds) / 1000.0;
                return new WorkProgress(
                    Batches: Number(0), Users: Number(1), Events: Number(2), Done: Number(3), UsersDone: Number(4), EventsDone: Number(5), Claimed: Number(6), Failed: Number(7),
                    EventsPerSecond: Number(8) / seconds);
            },
            cancellation);
    }

    public ValueTask<IReadOnlyList<string>> ErrorsAsync(string run, CancellationToken cancellation) =>
        database.ReadAsync<IReadOnlyList<string>>(
            async connection =>
            {
                await using DbCommand command = SqlDatabase.Command(
                    connection, null, $"SELECT error FROM lsk_job WHERE run = @run AND finished = 0 AND error <> '' ORDER BY job LIMIT {ErrorsShown}", ("@run", run));
                await using DbDataReader reader = await command.ExecuteReaderAsync(cancellation);
                var errors = new List<string>();
                while (await reader.ReadAsync(cancellation))
                {
                    errors.Add(reader.GetString(0));
                }
                return errors;
            },
            cancellation);

    public async ValueTask DeleteRunAsync(string run, CancellationToken cancellation) =>
        await database.WriteAsync(
            async (connection, transaction) =>
            {
                await SqlDatabase.ExecuteAsync(connection, transaction, "DELETE FROM lsk_job WHERE run = @run", cancellation, ("@run", run));
                return await SqlDatabase.ExecuteAsync(connection, transaction, "DELETE FROM lsk_run WHERE run = @run", cancellation, ("@run", run));
            },
            cancellation);

    private static async ValueTask AddJobsAsync(DbConnection connection, DbTransaction transaction, string run, IReadOnlyList<UserBatch> batches, CancellationToken cancellation)
    {
        long job = 0;
        foreach (UserBatch[] some in batches.Chunk(JobsPerStatement))
        {
            string values = string.Join(", ", some.Select(batch => FormattableString.Invariant($"(@run, {job++}, {batch.FirstUser}, {batch.Users}, {batch.Events})")));
            await SqlDatabase.ExecuteAsync(connection, transaction, $"INSERT INTO lsk_job (run, job, first_user, users, events) VALUES {values}", cancellation, ("@run", run));
        }
    }

    private ValueTask<bool> UpdateAsync(WorkClaim claim, string assignments, CancellationToken cancellation, params (string Name, object Value)[] parameters) =>
        database.WriteAsync((connection, transaction) => UpdateAsync(connection, transaction, claim, assignments, cancellation, parameters), cancellation);

    /// <summary>Changes a job if the claim is still the current one; tells whether it was.</summary>
    private static async ValueTask<bool> UpdateAsync(
        DbConnection connection, DbTransaction transaction, WorkClaim claim, string assignments, CancellationToken cancellation, params (string Name, object Value)[] parameters) =>
        await SqlDatabase.ExecuteAsync(
            connection, transaction, $"UPDATE lsk_job SET {assignments} WHERE run = @run AND job = @job AND lease = @lease AND finished = 0", cancellation,
            [("@run", claim.Run), ("@job", claim.Job), ("@lease", claim.Lease), .. parameters]) == 1;

    private static long Milliseconds(TimeSpan lease) =>
        lease > TimeSpan.Zero ? (long)lease.TotalMilliseconds : throw Error.Invalid(nameof(lease), $"{lease.TotalMilliseconds} ms", "more than 0 ms");
}

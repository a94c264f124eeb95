namespace LongSeqKernels.Serving;

/// <summary>Words of SQL that several statements share.</summary>
internal static class SqlStatements
{
    /// <summary>A row replaces the stored one unless that one has seen newer events.</summary>
    public const string ReplaceOlder =
        """
        ON CONFLICT (version, user_id) DO UPDATE
        SET history_time = excluded.history_time, expires = excluded.expires, record = excluded.record, state = excluded.state
        WHERE lsk_summary.history_time <= excluded.history_time
        """;
}

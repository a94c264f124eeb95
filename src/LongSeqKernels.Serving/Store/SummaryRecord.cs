using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>One user's summary as a store keeps it. Immutable.</summary>
public sealed record SummaryRecord
{
    /// <summary>The <see cref="ExpiryTime"/> of a record that does not expire.</summary>
    public const long NeverExpires = long.MaxValue;

    /// <summary>The user's name in the log: 1 to <see cref="SummaryRecordFormat.MaxNameBytes"/> bytes of UTF-8 without NUL.</summary>
    public required string User { get; init; }

    /// <summary>The version of the model that made the summary, named under the same rules. Scores of another version's summary mean nothing.</summary>
    public required string Version { get; init; }

    /// <summary>Unix seconds of the newest event that was summarised.</summary>
    public required long HistoryTime { get; init; }

    /// <summary>Number of events that were summarised, 0 or more.</summary>
    public required long HistoryLength { get; init; }

    /// <summary>Unix seconds at which the summary was made.</summary>
    public required long WrittenTime { get; init; }

    /// <summary>Unix seconds from which on the record is not given out any more.</summary>
    public long ExpiryTime { get; init; } = NeverExpires;

    /// <summary>The summary rows, encoded.</summary>
    public required UserSummary Summary { get; init; }

    /// <summary>
    /// What an incremental summariser needs to go on from here, opaque to the store. Kept beside the record and read only with <see cref="RecordParts.SummaryAndState"/>;
    /// empty when there is none or when it was not read.
    /// </summary>
    public ReadOnlyMemory<byte> State { get; init; }
}

/// <summary>What of a record is read.</summary>
public enum RecordParts
{
    /// <summary>What scoring needs.</summary>
    Summary,

    /// <summary>The state of an incremental summariser as well.</summary>
    SummaryAndState,
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>Makes summaries for the work table. Used by one worker at a time.</summary>
public interface IUserSummariser
{
    /// <summary>Summarises a user.</summary>
    /// <param name="history">All events.</param>
    /// <param name="earlier">What an earlier call gave for the first events of this history, or none: from there the appended events suffice, if the model's mathematics allows it.</param>
    /// <exception cref="ArgumentException">The history does not fit the model.</exception>
    SummarisedUser Summarise(UserHistory history, EarlierState? earlier);
}

/// <summary>What a summariser made.</summary>
/// <param name="Summary">The summary rows.</param>
/// <param name="State">What it needs to go on from here; empty when it cannot.</param>
public readonly record struct SummarisedUser(UserSummary Summary, ReadOnlyMemory<byte> State);

/// <summary>Where a summariser can go on.</summary>
/// <param name="Events">The number of events, the first ones of the history, that are in it.</param>
/// <param name="State">What it gave then.</param>
public readonly record struct EarlierState(long Events, ReadOnlyMemory<byte> State);

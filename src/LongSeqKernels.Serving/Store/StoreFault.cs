namespace LongSeqKernels.Serving;

/// <summary>Why a store could not do what it was asked.</summary>
public enum StoreFault
{
    /// <summary>The store has no summary of the user, of any model version.</summary>
    UnknownUser,

    /// <summary>The summary's time to live is over.</summary>
    Expired,

    /// <summary>The user has summaries, but none of the model version that was asked for.</summary>
    ForeignVersion,

    /// <summary>A record is not what was written: flipped bits, cut short, another user's. Summarise the user again.</summary>
    Damaged,

    /// <summary>Records or tables were written by a release whose format this one does not know.</summary>
    ForeignFormat,

    /// <summary>The database does not answer, refuses the connection or stayed locked too long.</summary>
    Unreachable,

    /// <summary>The disk or the quota of the database is full; what was stored before is intact.</summary>
    Full,
}

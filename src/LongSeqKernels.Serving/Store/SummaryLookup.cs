namespace LongSeqKernels.Serving;

/// <summary>What a store found for one user of a batch: a record, or why there is none.</summary>
public readonly record struct SummaryLookup
{
    private SummaryLookup(SummaryRecord? record, SummaryStoreException? failure) => (Record, Failure) = (record, failure);

    /// <summary>The record; null when there is none.</summary>
    public SummaryRecord? Record { get; }

    /// <summary>Why there is no record (unknown user, expired, foreign version, foreign format or damaged); null when there is one.</summary>
    public SummaryStoreException? Failure { get; }

    /// <summary>The record.</summary>
    /// <exception cref="SummaryStoreException">There is none: <see cref="Failure"/>.</exception>
    public SummaryRecord Require() => Record ?? throw Failure!;

    internal static SummaryLookup Found(SummaryRecord record) => new(record, null);

    internal static SummaryLookup Missing(SummaryStoreException failure) => new(null, failure);
}

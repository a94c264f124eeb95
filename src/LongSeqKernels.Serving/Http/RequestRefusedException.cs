using System.Diagnostics.CodeAnalysis;

namespace LongSeqKernels.Serving;

/// <summary>A request that is answered with an error.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "A refusal without a status has no meaning.")]
[SuppressMessage("Design", "CA1064:Exceptions should be public", Justification = "It never leaves the server: it becomes an answer.")]
internal sealed class RequestRefusedException(int status, string error, string message, Exception? cause = null) : Exception(message, cause)
{
    public int Status => status;

    public string Error => error;

    /// <summary>What a failure of the store means for a request.</summary>
    public static RequestRefusedException Of(SummaryStoreException failure) => failure.Fault switch
    {
        StoreFault.UnknownUser => new(404, "unknown_user", failure.Message, failure),
        StoreFault.ForeignVersion => new(404, "foreign_version", failure.Message, failure),
        StoreFault.Expired => new(410, "expired", failure.Message, failure),
        StoreFault.Damaged => new(500, "damaged_record", failure.Message, failure),
        StoreFault.ForeignFormat => new(500, "foreign_format", failure.Message, failure),
        _ => new(503, "store_unavailable", failure.Message, failure),
    };
}

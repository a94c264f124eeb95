using System.Diagnostics.CodeAnalysis;

namespace LongSeqKernels.Serving;

/// <summary>A summary store could not do what it was asked; <see cref="Fault"/> says why, the message which user, version or database.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "A failure without a reason has no meaning.")]
public sealed class SummaryStoreException : Exception
{
    /// <summary>A failure of a store.</summary>
    /// <param name="fault">Why.</param>
    /// <param name="message">What happened, to which user or database.</param>
    /// <param name="cause">The database's own exception, if there was one.</param>
    public SummaryStoreException(StoreFault fault, string message, Exception? cause = null)
        : base(message, cause) => Fault = fault;

    /// <summary>Why.</summary>
    public StoreFault Fault { get; }
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>
/// Summarises users with a VISTA model, each from the first event: attention over all events of the history makes every row of a deeper layer depend on all of them, so that
/// appended events change what was there before. Keeps no state.
/// </summary>
/// <param name="summariser">The model's summariser; this one's own.</param>
public sealed class VistaUserSummariser(VistaSummariser summariser) : IUserSummariser
{
    /// <inheritdoc/>
    public SummarisedUser Summarise(UserHistory history, EarlierState? earlier)
    {
        UserHistory read = summariser.Model.Config.Actions > 1
            ? history
            : new UserHistory { Items = history.Items, Times = history.Times, RequestTime = history.RequestTime };
        return new SummarisedUser(summariser.Summarise(read), default);
    }
}

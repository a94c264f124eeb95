using LongSeqKernels.Models;

namespace LongSeqKernels.Serving;

/// <summary>
/// Summarises users with a VISTA model. Where its mathematics allows it (<see cref="VistaSummariser.CanAppend"/>) a state is kept, and appended events cost only themselves;
/// else every summary is made from the first event: attention over all events makes every row of a deeper layer depend on all of them.
/// </summary>
/// <param name="summariser">The model's summariser; this one's own.</param>
public sealed class VistaUserSummariser(VistaSummariser summariser) : IUserSummariser
{
    /// <inheritdoc/>
    public SummarisedUser Summarise(UserHistory history, EarlierState? earlier)
    {
        if (!summariser.CanAppend)
        {
            return new SummarisedUser(summariser.Summarise(From(history, 0)), default);
        }
        UserSummary summary = Stored(earlier) is { } state
            ? summariser.Append(state, From(history, (int)state.Events), out SummaryState next)
            : summariser.Summarise(From(history, 0), out next);
        return new SummarisedUser(summary, next.ToBytes());
    }

    /// <summary>The stored state, unless another version of this library wrote it in a form that is no longer read.</summary>
    private static SummaryState? Stored(EarlierState? earlier)
    {
        if (earlier is not { } stored)
        {
            return null;
        }
        try
        {
            SummaryState state = SummaryState.FromBytes(stored.State.Span);
            return state.Events == stored.Events ? state : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private UserHistory From(UserHistory history, int first) => new()
    {
        Items = history.Items[first..],
        Actions = summariser.Model.Config.Actions > 1 && !history.Actions.IsEmpty ? history.Actions[first..] : default,
        Times = history.Times[first..],
        RequestTime = history.RequestTime,
    };
}

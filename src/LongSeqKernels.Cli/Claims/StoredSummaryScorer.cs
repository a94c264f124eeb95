using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>Scores requests as a service with a summary store does: every history is summarised and encoded, and the targets see what decoding gives.</summary>
internal sealed class StoredSummaryScorer(LongSeqContext context, VistaModel model, SummaryEncoding encoding) : IRequestScorer
{
    private readonly VistaSummariser _summariser = new(context, model, encoding);
    private readonly VistaScorer _scorer = new(context, model);

    public void Score(RequestBatch batch, Span<float> logits)
    {
        if (!batch.HistoryLimits.IsEmpty)
        {
            throw new ArgumentException("batch has history limits; summaries are scored in batches with one request per segment.", nameof(batch));
        }
        int features = model.Config.ContextWidth;
        for (int segment = 0; segment < batch.History.Count; segment++)
        {
            int start = (int)batch.History.Start(segment);
            int length = (int)batch.History.Length(segment);
            int first = (int)batch.Targets.Start(segment);
            int targets = (int)batch.Targets.Length(segment);
            UserSummary summary = _summariser.Summarise(new UserHistory
            {
                Items = batch.HistoryItems.Slice(start, length),
                Actions = batch.HistoryActions.IsEmpty ? default : batch.HistoryActions.Slice(start, length),
                Times = batch.HistoryTimes.Slice(start, length),
                RequestTime = batch.RequestTimes.Span[segment],
            });
            _scorer.Score(summary, batch.TargetItems.Slice(first, targets), batch.TargetContext.Slice(first * features, targets * features), logits.Slice(first, targets));
        }
    }
}

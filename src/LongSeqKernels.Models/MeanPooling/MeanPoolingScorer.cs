namespace LongSeqKernels.Models;

/// <summary>Scores targets with a mean-pooling model.</summary>
internal sealed class MeanPoolingScorer(LongSeqContext context, MeanPoolingModel model) : IHistoryScorer
{
    private readonly MeanPoolingPass _pass = new(context, model);

    public void Score(RequestBatch batch, Span<float> logits)
    {
        BatchCheck.Inputs(batch, model.Config);
        Check.Length(logits, batch.Targets.Total, "one per target");
        _pass.Forward(batch, logits);
    }

    public IEncodedHistory Encode(UserHistory history)
    {
        RequestBatch batch = history.Request(default, default);
        BatchCheck.Inputs(batch, model.Config);
        return new EncodedMean(model, model.Parameters.Version, batch.History.Total, _pass.Mean(batch));
    }

    public void Score(IEncodedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits)
    {
        if (history is not EncodedMean mean || !ReferenceEquals(mean.Model, model) || mean.Version != model.Parameters.Version)
        {
            throw Error.Invalid(nameof(history), "encoded by another model or before the last change of the weights", "encoded by this model as it is now");
        }
        RequestBatch batch = new UserHistory { Items = default, Times = default, RequestTime = 0 }.Request(candidates, features);
        BatchCheck.Targets(batch, model.Config);
        Check.Length(logits, candidates.Length, "one per candidate");
        _pass.Forward(batch, mean.Values, logits);
    }

    private sealed record EncodedMean(MeanPoolingModel Model, long Version, long Events, float[] Values) : IEncodedHistory;
}

namespace LongSeqKernels.Models;

/// <summary>
/// A user's history as the layers of a model read it, for one request time: the expensive part of scoring, made once and used for as many lists of candidates as
/// wanted. Takes <c>layers * L * D</c> fp32 numbers (one layer's worth with a shared encoder).
/// </summary>
public sealed class EncodedHistory : IEncodedHistory
{
    private readonly Memory<float>[] _layers;
    private readonly StcaModel _model;
    private readonly long _version;
    private readonly RequestBatch _batch;

    internal EncodedHistory(StcaModel model, long version, RequestBatch batch, Memory<float>[] layers)
    {
        _model = model;
        _version = version;
        _layers = layers;
        _batch = batch;
    }

    /// <inheritdoc/>
    public long Events => _batch.History.Total;

    internal ReadOnlySpan<float> Layer(int layer) => _layers[Math.Min(layer, _layers.Length - 1)].Span;

    /// <summary>Refuses a history that another model, or an earlier state of this one, encoded.</summary>
    internal void CheckFits(StcaModel model)
    {
        if (!ReferenceEquals(model, _model) || model.Parameters.Version != _version)
        {
            throw Error.Invalid("history", "encoded by another model or before the last change of the weights", "encoded by this model as it is now");
        }
    }

    /// <summary>A request for candidates; its history has been encoded and is not read again.</summary>
    internal RequestBatch Request(ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features)
    {
        JaggedLayout targets = JaggedLayout.Uniform(1, candidates.Length);
        return new RequestBatch
        {
            History = _batch.History,
            HistoryItems = _batch.HistoryItems,
            HistoryTimes = _batch.HistoryTimes,
            RequestTimes = _batch.RequestTimes,
            Targets = targets,
            TargetItems = candidates,
            TargetContext = features,
            Requests = targets,
        };
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// Scores targets with a trained model. Keep one: it holds the memory of its runs. Not thread-safe; scorers of one model may run at the same time.
/// </summary>
/// <remarks>
/// Memory does not grow with the history beyond <see cref="DefaultMaxEvents"/> events (two rows of D fp32 numbers each, four where keys and values are projected):
/// longer histories are read in parts whose attention states are merged. Scores other than softmax have no states to merge and need the whole history at once.
/// </remarks>
public sealed class StcaScorer : IHistoryScorer
{
    /// <summary>History events that are encoded at a time unless the constructor says otherwise.</summary>
    public const int DefaultMaxEvents = 1 << 16;

    private readonly StcaPass _pass;

    /// <summary>A scorer of a model.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="model">The model; training it changes later scores.</param>
    /// <param name="maxEvents">Most history events that are held encoded at a time, 1 or more.</param>
    /// <exception cref="ArgumentException"><paramref name="maxEvents"/> is out of range.</exception>
    public StcaScorer(LongSeqContext context, StcaModel model, int maxEvents = DefaultMaxEvents)
    {
        if (maxEvents < 1)
        {
            throw Error.Range(nameof(maxEvents), maxEvents, "1 or more");
        }
        Model = model;
        _pass = new StcaPass(context, model, PassMode.Scoring) { MaxEvents = maxEvents };
    }

    /// <summary>The model.</summary>
    public StcaModel Model { get; }

    /// <inheritdoc/>
    public void Score(RequestBatch batch, Span<float> logits)
    {
        BatchCheck.Inputs(batch, Model.Config);
        Check.Length(logits, batch.Targets.Total, "one per target");
        _pass.Forward(batch, logits);
    }

    /// <summary>Encodes a user's history once for any number of lists of candidates.</summary>
    /// <exception cref="ArgumentException">An identifier is unknown to the model or the columns differ in length.</exception>
    public EncodedHistory Encode(UserHistory history)
    {
        RequestBatch batch = history.Request(default, default);
        BatchCheck.Inputs(batch, Model.Config);
        return _pass.Encode(batch);
    }

    /// <summary>Scores candidates against an encoded history.</summary>
    /// <param name="history">Of this model as it is now.</param>
    /// <param name="candidates">Items.</param>
    /// <param name="features">Context features <c>[candidates, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[candidates]</c>.</param>
    /// <exception cref="ArgumentException">An item is unknown to the model, a length is wrong, or the history is not of this model.</exception>
    public void Score(EncodedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits)
    {
        history.CheckFits(Model);
        RequestBatch batch = history.Request(candidates, features);
        BatchCheck.Targets(batch, Model.Config);
        Check.Length(logits, candidates.Length, "one per candidate");
        _pass.Forward(batch, logits, history);
    }

    IEncodedHistory IHistoryScorer.Encode(UserHistory history) => Encode(history);

    void IHistoryScorer.Score(IEncodedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits) =>
        Score(history as EncodedHistory ?? throw Error.Invalid(nameof(history), "encoded by a model of another kind", "encoded by this model"), candidates, features, logits);

    /// <summary>Scores candidates for one user in one run.</summary>
    /// <param name="history">The user's events.</param>
    /// <param name="candidates">Items.</param>
    /// <param name="features">Context features <c>[candidates, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[candidates]</c>.</param>
    /// <exception cref="ArgumentException">An identifier is unknown to the model or a length is wrong.</exception>
    public void Score(UserHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits) =>
        Score(history.Request(candidates, features), logits);
}

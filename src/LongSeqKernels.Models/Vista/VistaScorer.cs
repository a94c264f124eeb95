namespace LongSeqKernels.Models;

/// <summary>
/// Scores targets with a trained VISTA model: from histories, or from stored summaries at a cost that does not depend on the history. Keep one: it holds the memory of its
/// runs. Not thread-safe; scorers of one model may run at the same time.
/// </summary>
/// <remarks>
/// A batch whose targets see histories of several lengths (<see cref="RequestBatch.HistoryLimits"/>) is summarised once for each length of a segment: in batches for VISTA one
/// limit per segment, or none, is cheapest. Memory does not grow with the history beyond the given number of events.
/// </remarks>
public sealed class VistaScorer : IHistoryScorer
{
    private readonly LongSeqContext _context;
    private readonly VistaPass _pass;
    private readonly GrowingBuffer _rows = new();

    /// <summary>A scorer of a model.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="model">The model; training it changes later scores.</param>
    /// <param name="maxEvents">Most history events that are held at a time, 1 or more.</param>
    /// <exception cref="ArgumentException"><paramref name="maxEvents"/> is out of range.</exception>
    public VistaScorer(LongSeqContext context, VistaModel model, int maxEvents = VistaSummariser.DefaultMaxEvents)
    {
        Model = model;
        _context = context;
        _pass = new VistaPass(context, model, PassMode.Scoring) { MaxEvents = VistaSummariser.CheckMaxEvents(maxEvents) };
    }

    /// <summary>The model.</summary>
    public VistaModel Model { get; }

    /// <inheritdoc/>
    public void Score(RequestBatch batch, Span<float> logits)
    {
        BatchCheck.Inputs(batch, Model.Config);
        Check.Length(logits, batch.Targets.Total, "one per target");
        _pass.Forward(batch, logits);
    }

    /// <summary>Summarises a user's history for any number of lists of candidates.</summary>
    /// <param name="history">The events, and the time of the request.</param>
    /// <exception cref="ArgumentException">An identifier is unknown to the model or the columns differ in length.</exception>
    public SummarisedHistory Encode(UserHistory history)
    {
        RequestBatch batch = history.Request(default, default);
        BatchCheck.Inputs(batch, Model.Config);
        return new SummarisedHistory(Model, batch.History.Total, _pass.Summarise(VistaBatch.Prepare(Model.Config, batch)).ToArray());
    }

    /// <summary>Scores candidates against a summarised history.</summary>
    /// <param name="history">Of this model as it is now.</param>
    /// <param name="candidates">Items.</param>
    /// <param name="features">Context features <c>[candidates, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[candidates]</c>.</param>
    /// <exception cref="ArgumentException">An item is unknown to the model, a length is wrong, or the history is not of this model.</exception>
    public void Score(SummarisedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits)
    {
        history.CheckFits(Model);
        RequestBatch batch = Request(JaggedLayout.Uniform(1, candidates.Length), candidates, features, logits);
        _pass.Score(batch, JaggedLayout.Uniform(1, history.Rows.Length / Model.Config.Width), history.Rows, logits);
    }

    /// <summary>Scores candidates for one user from a stored summary.</summary>
    /// <param name="summary">Of this model: the store that it comes from answers for that.</param>
    /// <param name="candidates">Items.</param>
    /// <param name="features">Context features <c>[candidates, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[candidates]</c>.</param>
    /// <exception cref="ArgumentException">An item is unknown to the model, a length is wrong, or the summary does not have the model's width.</exception>
    public void Score(UserSummary summary, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits) =>
        Score([summary], JaggedLayout.Uniform(1, candidates.Length), candidates, features, logits);

    /// <summary>Scores candidates for several users from stored summaries, in one run.</summary>
    /// <param name="summaries">One per user, of this model: the store that they come from answers for that.</param>
    /// <param name="targets">Candidates per user.</param>
    /// <param name="candidates">Items <c>[T]</c>.</param>
    /// <param name="features">Context features <c>[T, ContextWidth]</c>; empty when the model has none.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    /// <exception cref="ArgumentException">An item is unknown to the model, a length is wrong, or a summary does not have the model's width.</exception>
    public void Score(
        IReadOnlyList<UserSummary> summaries, JaggedLayout targets, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits)
    {
        JaggedLayout layout = Layout(summaries);
        if (targets.Count != summaries.Count)
        {
            throw Error.Invalid(nameof(targets), $"a layout of {targets.Count} users", $"a layout of {summaries.Count} users, one per summary");
        }
        RequestBatch batch = Request(targets, candidates, features, logits);
        if (summaries.Count > 0 && CanReadEncoded(summaries, layout, targets))
        {
            _pass.ScoreEncoded(batch, layout, summaries[0].Encoding, Concatenate(summaries), logits);
            return;
        }
        int width = Model.Config.Width;
        Span<float> rows = _rows.Use(layout.Total, width);
        for (int user = 0; user < summaries.Count; user++)
        {
            summaries[user].Decode(_context, rows.Slice((int)layout.Start(user) * width, (int)layout.Length(user) * width));
        }
        _pass.Score(batch, layout, rows, logits);
    }

    IEncodedHistory IHistoryScorer.Encode(UserHistory history) => Encode(history);

    void IHistoryScorer.Score(IEncodedHistory history, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, Span<float> logits) =>
        Score(history as SummarisedHistory ?? throw Error.Invalid(nameof(history), "encoded by a model of another kind", "encoded by this model"), candidates, features, logits);

    private JaggedLayout Layout(IReadOnlyList<UserSummary> summaries)
    {
        var lengths = new long[summaries.Count];
        for (int user = 0; user < lengths.Length; user++)
        {
            UserSummary summary = summaries[user];
            if (summary.Width != Model.Config.Width)
            {
                throw Error.Range($"{nameof(summaries)}[{user}].{nameof(summary.Width)}", summary.Width, $"{Model.Config.Width}, the width of the model");
            }
            lengths[user] = summary.Tokens;
        }
        return JaggedLayout.FromLengths(lengths);
    }

    /// <summary>
    /// Whether the attention reads the codes themselves: where nothing else reads the summary, and decoding and projecting it for so few candidates would cost more.
    /// </summary>
    private bool CanReadEncoded(IReadOnlyList<UserSummary> summaries, JaggedLayout layout, JaggedLayout targets) =>
        Model.Config.CandidateLayers == 0
        && summaries.All(summary => summary.Encoding == summaries[0].Encoding)
        && AttentionPlan.Cheaper(Model.Config, targets, layout) == AttentionForm.Absorbed;

    private static EncodedRows Concatenate(IReadOnlyList<UserSummary> summaries)
    {
        if (summaries.Count == 1)
        {
            return new EncodedRows { Codes = summaries[0].Codes.Span, Scales = summaries[0].Scales.Span };
        }
        var codes = new byte[summaries.Sum(summary => summary.Codes.Length)];
        var scales = new float[summaries.Sum(summary => summary.Scales.Length)];
        int code = 0;
        int scale = 0;
        foreach (UserSummary summary in summaries)
        {
            summary.Codes.Span.CopyTo(codes.AsSpan(code));
            summary.Scales.Span.CopyTo(scales.AsSpan(scale));
            code += summary.Codes.Length;
            scale += summary.Scales.Length;
        }
        return new EncodedRows { Codes = codes, Scales = scales };
    }

    private RequestBatch Request(JaggedLayout targets, ReadOnlyMemory<int> candidates, ReadOnlyMemory<float> features, ReadOnlySpan<float> logits)
    {
        var batch = new RequestBatch
        {
            History = JaggedLayout.Uniform(targets.Count, 0),
            HistoryItems = default,
            HistoryTimes = default,
            RequestTimes = default,
            Targets = targets,
            TargetItems = candidates,
            TargetContext = features,
            Requests = targets,
        };
        BatchCheck.Targets(batch, Model.Config);
        Check.Length(logits, candidates.Length, "one per candidate");
        return batch;
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// One run of a VISTA model over a batch, forward and backward, with memory that is kept from batch to batch. Not thread-safe; make one for each thread.
/// </summary>
internal sealed class VistaPass : ITrainingPass
{
    private readonly LongSeqContext _context;
    private readonly VistaModel _model;
    private readonly VistaConfig _config;
    private readonly PassMode _mode;
    private readonly SummariserRun _summariser;
    private readonly CandidateRun _candidates;
    private readonly ReconstructionRun? _reconstruction;
    private readonly ScorerState _scorer = new();
    private readonly ActionFusionState _actions = new();
    private readonly GrowingBuffer _history = new();
    private readonly GrowingBuffer _summary = new();
    private readonly GrowingBuffer _targets = new();
    private readonly GrowingBuffer _z = new();
    private readonly GrowingBuffer _historyGradient = new();
    private readonly GrowingBuffer _summaryGradient = new();
    private readonly GrowingBuffer _targetGradient = new();
    private readonly GrowingBuffer _zGradient = new();
    private RequestBatch? _batch;

    public VistaPass(LongSeqContext context, VistaModel model, PassMode mode)
    {
        _context = context;
        _model = model;
        _config = model.Config;
        _mode = mode;
        _summariser = model.Summariser.Start(context, mode);
        _candidates = new CandidateRun(context, model.Candidates);
        _reconstruction = mode == PassMode.Training && model.Reconstruction is { } reconstruction ? new ReconstructionRun(context, reconstruction) : null;
    }

    /// <summary>Most history events that a scoring run holds at a time; longer batches are read in parts.</summary>
    public int MaxEvents { get; init; } = int.MaxValue;

    /// <inheritdoc/>
    public double AuxiliaryLoss { get; private set; }

    /// <inheritdoc/>
    public void Forward(RequestBatch batch, Span<float> logits)
    {
        _batch = VistaBatch.Prepare(_config, batch);
        AuxiliaryLoss = 0;
        if (_batch.Targets.Total == 0)
        {
            return;
        }
        Summarise(_batch);
        Score(_batch, _summariser.Summaries, _summary.Span, logits);
        AuxiliaryLoss = _reconstruction?.Forward(_batch, _history.Span, _summariser.Summaries, _summary.Span) ?? 0;
    }

    /// <summary>Summary tokens per segment of the last run.</summary>
    public JaggedLayout Summaries => _summariser.Summaries;

    /// <summary>Elements of a <see cref="SummaryState"/> of this model.</summary>
    public int StateLength => _summariser.StateLength;

    /// <summary>Writes the summaries of a prepared batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="earlier">Where the events of the only segment go on from, or null for the start; summarisers of one layer only.</param>
    /// <returns>The rows <c>[S, D]</c>, valid until the next run.</returns>
    public ReadOnlySpan<float> Summarise(RequestBatch batch, SummaryState? earlier = null)
    {
        _summariser.Begin(earlier is null ? batch.History : JaggedLayout.Uniform(1, earlier.Events + batch.History.Total));
        if (earlier is not null)
        {
            _summariser.LoadState(earlier.Events, earlier.Values);
        }
        for (int pass = 0; pass < _summariser.Passes; pass++)
        {
            Read(batch, pass);
            _summariser.EndPass(pass);
        }
        Span<float> summary = _summary.Use(_summariser.Summaries.Total, _config.Width);
        _summariser.Finish(summary);
        return summary;
    }

    /// <summary>The state that the last <see cref="Summarise"/> of one segment left.</summary>
    public SummaryState SaveState(long events, long newestTime)
    {
        var values = new float[_summariser.StateLength];
        _summariser.SaveState(values);
        return new SummaryState(_config, events, newestTime, values);
    }

    /// <inheritdoc/>
    public void Backward(ReadOnlySpan<float> logitGradient)
    {
        if (_batch is not { } batch || _mode != PassMode.Training)
        {
            throw new InvalidOperationException("A backward run needs a forward run in training mode before it.");
        }
        _model.Parameters.ClearGradients();
        int targets = checked((int)batch.Targets.Total);
        if (targets == 0)
        {
            return;
        }
        int width = _config.Width;
        Span<float> targetGradient = _targetGradient.Zeroed(targets, width);
        Span<float> zGradient = _zGradient.Zeroed(targets, width);
        _model.Scorer.Backward(
            _context, targets, _z.Span, _targets.Span, batch.TargetContext.Span, _scorer, logitGradient, zGradient, targetGradient);
        Span<float> summaryGradient = _summaryGradient.Zeroed(_summariser.Summaries.Total, width);
        _candidates.Backward(_summary.Span, zGradient, summaryGradient, targetGradient);
        Span<float> historyGradient = _historyGradient.Zeroed(batch.History.Total, width);
        _reconstruction?.Backward(_history.Span, _summary.Span, historyGradient, summaryGradient);
        _summariser.Backward(_history.Span, summaryGradient, historyGradient);
        _model.Tokens.BackwardTargets(batch.TargetItems.Span, targetGradient);
        _model.Tokens.BackwardHistory(_context, batch, _actions, historyGradient);
    }

    /// <summary>Scores all targets of a checked batch, whose history is not read, against summaries.</summary>
    /// <param name="batch">The targets.</param>
    /// <param name="summaries">Summary tokens per segment.</param>
    /// <param name="summary">Their rows <c>[S, D]</c>.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    public void Score(RequestBatch batch, JaggedLayout summaries, ReadOnlySpan<float> summary, Span<float> logits)
    {
        if (batch.Targets.Total == 0)
        {
            return;
        }
        Span<float> z = EncodeTargets(batch);
        _candidates.Forward(summaries, batch.Targets, summary, _targets.Span, _model.Parameters.Version, z);
        ScoreTargets(batch, logits);
    }

    /// <summary>
    /// As <see cref="Score"/>, against encoded summaries, which the target attention decodes as it reads them; for models whose candidate stage is that attention alone.
    /// </summary>
    public void ScoreEncoded(RequestBatch batch, JaggedLayout summaries, SummaryEncoding encoding, EncodedRows summary, Span<float> logits)
    {
        if (batch.Targets.Total == 0)
        {
            return;
        }
        Span<float> z = EncodeTargets(batch);
        _candidates.ForwardEncoded(summaries, batch.Targets, encoding, summary, _targets.Span, _model.Parameters.Version, z);
        ScoreTargets(batch, logits);
    }

    private Span<float> EncodeTargets(RequestBatch batch)
    {
        _model.Tokens.EncodeTargets(batch.TargetItems.Span, _targets.Use(batch.Targets.Total, _config.Width));
        return _z.Use(batch.Targets.Total, _config.Width);
    }

    private void ScoreTargets(RequestBatch batch, Span<float> logits) =>
        _model.Scorer.Forward(_context, checked((int)batch.Targets.Total), _z.Span, _targets.Span, batch.TargetContext.Span, _scorer, logits);

    private void Read(RequestBatch batch, int pass)
    {
        long events = batch.History.Total;
        if (_mode == PassMode.Training || events <= MaxEvents)
        {
            if (pass == 0)
            {
                _model.Tokens.EncodeHistory(_context, batch, _actions, _history.Use(events, _config.Width));
            }
            _summariser.Read(pass, batch.History, _history.Span, HistoryParts.One);
            return;
        }
        for (long first = 0; first < events; first += MaxEvents)
        {
            RequestBatch part = batch.HistorySlice(first, Math.Min(MaxEvents, events - first));
            _model.Tokens.EncodeHistory(_context, part, _actions, _history.Use(part.History.Total, _config.Width));
            _summariser.Read(pass, part.History, _history.Span, HistoryParts.Several);
        }
    }
}

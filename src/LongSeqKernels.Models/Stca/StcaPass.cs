namespace LongSeqKernels.Models;

/// <summary>
/// One run of a model over a batch, forward and backward, with memory that is kept from batch to batch. Not thread-safe; make one for each thread.
/// </summary>
internal sealed class StcaPass : ITrainingPass
{
    private readonly LongSeqContext _context;
    private readonly StcaModel _model;
    private readonly StcaConfig _config;
    private readonly PassMode _mode;

    private readonly GrowingBuffer _history = new();
    private readonly GrowingBuffer[] _encoded;
    private readonly GrowingBuffer _targets = new();
    private readonly GrowingBuffer[] _fused;
    private readonly GrowingBuffer[] _queries;
    private readonly GrowingBuffer[] _outputs;
    private readonly AttentionState[] _attention;
    private readonly AttentionScratch _scratch = new();
    private readonly ActionFusionState _actions = new();
    private readonly ScorerState _scorer = new();
    private readonly GrowingBuffer _z = new();
    private readonly PartialAttention _partial = new();

    private readonly GrowingBuffer _historyGradient = new();
    private readonly GrowingBuffer _encodedGradient = new();
    private readonly GrowingBuffer _sharedEncodedGradient = new();
    private readonly GrowingBuffer _targetGradient = new();
    private readonly GrowingBuffer _queryGradient = new();
    private readonly GrowingBuffer _fusedGradient = new();
    private readonly GrowingBuffer _zGradient = new();
    private readonly GrowingBuffer[] _outputGradients;

    private RequestBatch? _batch;
    private AttentionPlan? _plan;

    public StcaPass(LongSeqContext context, StcaModel model, PassMode mode)
    {
        _context = context;
        _model = model;
        _config = model.Config;
        _mode = mode;
        int layers = _config.Layers;
        bool own = mode == PassMode.Training;
        GrowingBuffer keys = new();
        GrowingBuffer values = new();
        _encoded = Buffers(own ? model.HistoryEncoders.Length : 1);
        _fused = Buffers(layers);
        _queries = Buffers(layers);
        _outputs = Buffers(layers);
        _outputGradients = Buffers(layers);
        _attention = new AttentionState[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            _attention[layer] = new AttentionState(own ? new GrowingBuffer() : keys, own ? new GrowingBuffer() : values);
        }
    }

    /// <summary>The attention's form and plan of the last forward run.</summary>
    public AttentionPlan Plan => _plan ?? throw new InvalidOperationException("There has been no forward run yet.");

    /// <summary>Most history events that a scoring run holds encoded at a time.</summary>
    public int MaxEvents { get; init; } = int.MaxValue;

    /// <summary>There are no objectives beside the ranking.</summary>
    public double AuxiliaryLoss => 0;

    void ITrainingPass.Forward(RequestBatch batch, Span<float> logits) => Forward(batch, logits);

    /// <summary>Scores all targets of a checked batch.</summary>
    /// <param name="batch">The requests.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    /// <param name="encodedHistory">The batch's history as <see cref="Encode"/> left it, or null to encode it now.</param>
    public void Forward(RequestBatch batch, Span<float> logits, EncodedHistory? encodedHistory = null)
    {
        _batch = batch;
        _plan = AttentionPlan.Make(_context, _config, _config.Attention, _config.Score, batch.Targets, batch.History, batch.HistoryLimits, logits: _config.LogitScale);
        int targets = _plan.Targets;
        if (targets == 0)
        {
            return;
        }
        int width = _config.Width;
        Span<float> target = _targets.Use(targets, width);
        _model.Tokens.EncodeTargets(batch.TargetItems.Span, target);
        HistoryPart[] parts = encodedHistory is null ? Cut(batch) : [];
        if (encodedHistory is null && parts.Length == 0)
        {
            _model.Tokens.EncodeHistory(_context, batch, _actions, _history.Use(_plan.Events, width));
        }
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            ReadOnlySpan<float> fused = layer == 0 ? target : Fuse(layer - 1, _fused[layer - 1]);
            Span<float> query = _queries[layer].Use(targets, width);
            _model.QueryEncoders[layer].Forward(_context, targets, fused, query);
            Span<float> output = _outputs[layer].Use(targets, width);
            if (parts.Length > 0)
            {
                AttendInParts(layer, parts, query, output);
                continue;
            }
            ReadOnlySpan<float> encoded = encodedHistory is null ? EncodeLayer(layer) : encodedHistory.Layer(layer);
            _model.Attention[layer].Forward(_context, _plan, encoded, query, _attention[layer], _scratch, _model.Parameters.Version, output);
        }
        Span<float> z = _z.Use(targets, width);
        _model.OutputEncoder.Forward(_context, targets, Fuse(_config.Layers - 1, _fused[^1]), z);
        _model.Scorer.Forward(_context, targets, z, target, batch.TargetContext.Span, _scorer, logits);
    }

    /// <summary>Encodes a batch's history once for any number of scoring runs.</summary>
    public EncodedHistory Encode(RequestBatch batch)
    {
        var layers = new Memory<float>[_model.HistoryEncoders.Length];
        Span<float> tokens = _history.Use(batch.History.Total, _config.Width);
        _model.Tokens.EncodeHistory(_context, batch, _actions, tokens);
        for (int layer = 0; layer < layers.Length; layer++)
        {
            layers[layer] = AlignedMemory.AllocateUninitialized<float>(tokens.Length);
            _model.HistoryEncoders[layer].Forward(_context, batch.History.Total, tokens, layers[layer].Span);
        }
        return new EncodedHistory(_model, _model.Parameters.Version, batch, layers);
    }

    /// <summary>Overwrites the gradients of all parameters with those of the last forward run.</summary>
    /// <param name="logitGradient"><c>[T]</c>.</param>
    public void Backward(ReadOnlySpan<float> logitGradient)
    {
        if (_batch is not { } batch || _mode != PassMode.Training)
        {
            throw new InvalidOperationException("A backward run needs a forward run in training mode before it.");
        }
        int targets = Plan.Targets;
        int width = _config.Width;
        long events = Plan.Events;
        _model.Parameters.ClearGradients();
        if (targets == 0)
        {
            return;
        }
        Span<float> targetGradient = _targetGradient.Zeroed(targets, width);
        foreach (GrowingBuffer outputGradient in _outputGradients)
        {
            outputGradient.Zeroed(targets, width);
        }
        Span<float> zGradient = _zGradient.Zeroed(targets, width);
        _model.Scorer.Backward(
            _context, targets, _z.Span, _targets.Span, batch.TargetContext.Span, _scorer, logitGradient, zGradient, targetGradient);
        Span<float> fusedGradient = _fusedGradient.Zeroed(targets, width);
        _model.OutputEncoder.Backward(_context, targets, _fused[^1].Span, zGradient, fusedGradient);
        FuseBackward(_config.Layers - 1, fusedGradient);

        Span<float> historyGradient = _historyGradient.Zeroed(events, width);
        Span<float> encodedGradient = _encodedGradient.Use(events, width);
        bool shared = _model.HistoryEncoders.Length < _config.Layers;
        Span<float> sharedGradient = shared ? _sharedEncodedGradient.Zeroed(events, width) : default;
        for (int layer = _config.Layers - 1; layer >= 0; layer--)
        {
            Span<float> queryGradient = _queryGradient.Use(targets, width);
            _model.Attention[layer].Backward(
                _context, Plan, Encoded(layer).Span, _queries[layer].Span, _attention[layer], _scratch, _outputGradients[layer].Span, queryGradient, encodedGradient);
            if (shared)
            {
                System.Numerics.Tensors.TensorPrimitives.Add(sharedGradient, encodedGradient, sharedGradient);
            }
            else
            {
                _model.HistoryEncoders[layer].Backward(_context, events, _history.Span, encodedGradient, historyGradient);
            }
            if (layer == 0)
            {
                _model.QueryEncoders[0].Backward(_context, targets, _targets.Span, queryGradient, targetGradient);
            }
            else
            {
                fusedGradient.Clear();
                _model.QueryEncoders[layer].Backward(_context, targets, _fused[layer - 1].Span, queryGradient, fusedGradient);
                FuseBackward(layer - 1, fusedGradient);
            }
        }
        if (shared)
        {
            _model.HistoryEncoders[0].Backward(_context, events, _history.Span, sharedGradient, historyGradient);
        }
        _model.Tokens.BackwardTargets(batch.TargetItems.Span, targetGradient);
        _model.Tokens.BackwardHistory(_context, batch, _actions, historyGradient);
    }

    private static GrowingBuffer[] Buffers(int count)
    {
        var buffers = new GrowingBuffer[count];
        for (int i = 0; i < count; i++)
        {
            buffers[i] = new GrowingBuffer();
        }
        return buffers;
    }

    private GrowingBuffer Encoded(int layer) => _encoded[Math.Min(layer, _encoded.Length - 1)];

    private ReadOnlySpan<float> EncodeLayer(int layer)
    {
        GrowingBuffer buffer = Encoded(layer);
        if (layer < _model.HistoryEncoders.Length)
        {
            _model.HistoryEncoders[layer].Forward(_context, Plan.Events, _history.Span, buffer.Use(Plan.Events, _config.Width));
        }
        return buffer.Span;
    }

    // Scoring never holds more than so many encoded events: a longer history is encoded and attended to part by part, in every layer anew.
    private HistoryPart[] Cut(RequestBatch batch) =>
        _mode == PassMode.Scoring && _config.Score == AttentionScore.Softmax && batch.History.Total > MaxEvents
            ? HistoryPart.Cut(_context, _config, batch, MaxEvents, Plan.Form)
            : [];

    private void AttendInParts(int layer, HistoryPart[] parts, ReadOnlySpan<float> query, Span<float> output)
    {
        AttentionLayer attention = _model.Attention[layer];
        AttentionState state = _attention[layer];
        attention.Ask(_context, Plan, query, state, _scratch, _model.Parameters.Version);
        _partial.Begin(attention, Plan, state);
        foreach (HistoryPart part in parts)
        {
            _model.Tokens.EncodeHistory(_context, part.Batch, _actions, _history.Use(part.Plan.Events, _config.Width));
            Span<float> encoded = _encoded[0].Use(part.Plan.Events, _config.Width);
            _model.HistoryEncoders[Math.Min(layer, _model.HistoryEncoders.Length - 1)].Forward(_context, part.Plan.Events, _history.Span, encoded);
            _partial.Add(_context, attention, part.Plan, encoded, state);
        }
        attention.Answer(_context, Plan, state, _scratch, output);
    }

    private ReadOnlySpan<float> Fuse(int layer, GrowingBuffer output)
    {
        int targets = Plan.Targets;
        Span<float> fused = output.Use(targets, _config.Width);
        for (int input = 0; input <= layer; input++)
        {
            _model.Fusions[layer].Forward(_context, targets, input, _outputs[input].Span, fused);
        }
        _model.Fusions[layer].Forward(_context, targets, layer + 1, _targets.Span, fused);
        return fused;
    }

    private void FuseBackward(int layer, ReadOnlySpan<float> fusedGradient)
    {
        int targets = Plan.Targets;
        for (int input = 0; input <= layer; input++)
        {
            _model.Fusions[layer].Backward(_context, targets, input, _outputs[input].Span, fusedGradient, _outputGradients[input].Span);
        }
        _model.Fusions[layer].Backward(_context, targets, layer + 1, _targets.Span, fusedGradient, _targetGradient.Span);
    }
}

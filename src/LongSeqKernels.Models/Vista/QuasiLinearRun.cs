namespace LongSeqKernels.Models;

/// <summary>
/// A run of quasi-linear layers. Pass l collects the state of layer l, which needs the history's rows as layer l sees them: they are kept from the pass before where the
/// history is one part, and else made again from the tokens, which costs time instead of memory.
/// </summary>
internal sealed class QuasiLinearRun : SummariserRun
{
    private readonly LongSeqContext _context;
    private readonly QuasiLinearSummariser _summariser;
    private readonly VistaConfig _config;
    private readonly QuasiLinearRows[] _history;
    private readonly QuasiLinearRows[] _seeds;
    private readonly QuasiLinearStates[] _states;
    private readonly QuasiLinearScratch _scratch = new();
    private readonly GrowingBuffer _lastSeeds = new();
    private readonly GrowingBuffer _historyGradient = new();
    private readonly GrowingBuffer _historyInputGradient = new();
    private readonly GrowingBuffer _seedGradient = new();
    private readonly GrowingBuffer _seedInputGradient = new();
    private JaggedLayout _layout = JaggedLayout.FromLengths();
    private JaggedLayout _seedLayout = JaggedLayout.FromLengths();

    public QuasiLinearRun(LongSeqContext context, QuasiLinearSummariser summariser, PassMode mode)
    {
        _context = context;
        _summariser = summariser;
        _config = summariser.Config;
        int layers = summariser.Layers.Length;
        _history = new QuasiLinearRows[layers];
        _seeds = new QuasiLinearRows[layers];
        _states = new QuasiLinearStates[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            // Without a backward run, two sets of rows are enough: a layer's input and its output.
            bool own = mode == PassMode.Training || layer < 2;
            _history[layer] = own ? new QuasiLinearRows() : _history[layer - 2];
            _seeds[layer] = own ? new QuasiLinearRows() : _seeds[layer - 2];
            _states[layer] = new QuasiLinearStates(_config, summariser.Layers[layer].Shape.State);
        }
    }

    public override int Passes => _summariser.Layers.Length;

    public override int StateLength => _summariser.Layers[0].Shape.State;

    public override JaggedLayout Summaries => _seedLayout;

    public override void Begin(JaggedLayout history)
    {
        _layout = history;
        _seedLayout = JaggedLayout.Uniform(history.Count, _config.Seeds);
        foreach (QuasiLinearStates states in _states)
        {
            states.Clear(history.Count);
        }
        _summariser.Seeds.Repeat(history.Count, _seeds[0].Input.Use(_seedLayout.Total, _config.Width));
    }

    public override void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts)
    {
        int from = parts == HistoryParts.One ? Math.Max(0, pass - 1) : 0;
        for (int layer = from; layer < pass; layer++)
        {
            ReadOnlySpan<float> input = Input(layer, tokens);
            if (parts == HistoryParts.Several)
            {
                _summariser.Layers[layer].Normalise(_context, part.Total, input, _history[layer]);
            }
            Span<float> output = _history[layer + 1].Input.Use(part.Total, _config.Width);
            _summariser.Layers[layer].Read(_context, part, input, _history[layer], _states[layer].ForHistory, output);
        }
        _summariser.Layers[pass].Normalise(_context, part.Total, Input(pass, tokens), _history[pass]);
        _summariser.Layers[pass].Write(_context, part, _history[pass], _states[pass].History);
    }

    public override void EndPass(int pass)
    {
        QuasiLinearLayer layer = _summariser.Layers[pass];
        QuasiLinearRows rows = _seeds[pass];
        layer.Normalise(_context, _seedLayout.Total, rows.Input.Span, rows);
        layer.Write(_context, _seedLayout, rows, _states[pass].Seeds);
        _states[pass].Combine(_layout);
        GrowingBuffer output = pass == Passes - 1 ? _lastSeeds : _seeds[pass + 1].Input;
        layer.Read(_context, _seedLayout, rows.Input.Span, rows, _states[pass].ForSeeds, output.Use(_seedLayout.Total, _config.Width));
    }

    public override void Finish(Span<float> summary) => _summariser.Norm.Forward(_context, _seedLayout.Total, _lastSeeds.Span, summary);

    public override void SaveState(Span<float> state) => _states[0].History.CopyTo(state);

    public override void LoadState(long events, ReadOnlySpan<float> state) => state.CopyTo(_states[0].History);

    public override void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient)
    {
        int width = _config.Width;
        Span<float> seedGradient = _seedGradient.Zeroed(_seedLayout.Total, width);
        _summariser.Norm.Backward(_context, _seedLayout.Total, _lastSeeds.Span, summaryGradient, _scratch.Norm, seedGradient);
        // The last layer's history rows do not read, so nothing comes back to their output.
        Span<float> historyGradient = _historyGradient.Use(0, width);
        for (int pass = Passes - 1; pass >= 0; pass--)
        {
            Span<float> seedInput = _seedInputGradient.Zeroed(_seedLayout.Total, width);
            Span<float> historyInput = _historyInputGradient.Zeroed(_layout.Total, width);
            LayerBackward(pass, tokens, seedGradient, historyGradient, seedInput, historyInput);
            seedInput.CopyTo(seedGradient);
            historyGradient = _historyGradient.Use(_layout.Total, width);
            historyInput.CopyTo(historyGradient);
        }
        System.Numerics.Tensors.TensorPrimitives.Add(tokenGradient, historyGradient, tokenGradient);
        _summariser.Seeds.RepeatBackward(_layout.Count, seedGradient);
    }

    private void LayerBackward(
        int pass,
        ReadOnlySpan<float> tokens,
        ReadOnlySpan<float> seedGradient,
        ReadOnlySpan<float> historyGradient,
        Span<float> seedInputGradient,
        Span<float> historyInputGradient)
    {
        QuasiLinearLayer layer = _summariser.Layers[pass];
        QuasiLinearStates states = _states[pass];
        states.ClearGradients(_layout.Count);
        Span<float> seedNormalised = _scratch.SeedNormalised.Zeroed(_seedLayout.Total, _config.Width);
        layer.ReadBackward(
            _context, _seedLayout, _seeds[pass], states.ForSeeds, seedGradient, _scratch, states.ForSeedsGradient, seedNormalised, seedInputGradient);
        Span<float> historyNormalised = _scratch.HistoryNormalised.Zeroed(_layout.Total, _config.Width);
        if (pass < Passes - 1)
        {
            layer.ReadBackward(
                _context, _layout, _history[pass], states.ForHistory, historyGradient, _scratch, states.ForHistoryGradient, historyNormalised, historyInputGradient);
        }
        Span<float> historyState = states.CombineBackward(_layout);
        layer.WriteBackward(_context, _seedLayout, _seeds[pass], states.ForSeedsGradient, _scratch, seedNormalised);
        layer.WriteBackward(_context, _layout, _history[pass], historyState, _scratch, historyNormalised);
        layer.NormaliseBackward(_context, _seedLayout.Total, _seeds[pass].Input.Span, seedNormalised, _scratch, seedInputGradient);
        layer.NormaliseBackward(_context, _layout.Total, Input(pass, tokens), historyNormalised, _scratch, historyInputGradient);
    }

    private ReadOnlySpan<float> Input(int layer, ReadOnlySpan<float> tokens) => layer == 0 ? tokens : _history[layer].Input.Span;
}

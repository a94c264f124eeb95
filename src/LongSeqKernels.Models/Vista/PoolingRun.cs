using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>A run of seed pooling. Every layer reads the tokens themselves, so parts cost nothing but their merging.</summary>
internal sealed class PoolingRun : SummariserRun
{
    private readonly LongSeqContext _context;
    private readonly PoolingSummariser _summariser;
    private readonly VistaConfig _config;
    private readonly PassMode _mode;
    private readonly GrowingBuffer[] _seeds;
    private readonly GrowingBuffer[] _normalised;
    private readonly AttentionState[] _attention;
    private readonly PostNormRows[] _rows;
    private readonly PartialAttention _partial = new();
    private readonly AttentionScratch _attentionScratch = new();
    private readonly NormScratch _normScratch = new();
    private readonly GrowingBuffer _attended = new();
    private readonly GrowingBuffer _seedGradient = new();
    private readonly GrowingBuffer _sumGradient = new();
    private readonly GrowingBuffer _queryGradient = new();
    private readonly GrowingBuffer _normalisedGradient = new();
    private JaggedLayout _layout = JaggedLayout.FromLengths();
    private JaggedLayout _seedLayout = JaggedLayout.FromLengths();
    private AttentionPlan? _plan;

    public PoolingRun(LongSeqContext context, PoolingSummariser summariser, PassMode mode)
    {
        _context = context;
        _summariser = summariser;
        _config = summariser.Config;
        _mode = mode;
        int layers = summariser.Layers.Length;
        bool own = mode == PassMode.Training;
        _seeds = new GrowingBuffer[layers + 1];
        _normalised = new GrowingBuffer[layers];
        _attention = new AttentionState[layers];
        _rows = new PostNormRows[layers];
        _seeds[layers] = new GrowingBuffer();
        for (int layer = 0; layer < layers; layer++)
        {
            bool first = own || layer == 0;
            _seeds[layer] = new GrowingBuffer();
            _normalised[layer] = first ? new GrowingBuffer() : _normalised[0];
            _attention[layer] = first ? new AttentionState(new GrowingBuffer(), new GrowingBuffer()) : _attention[0];
            _rows[layer] = first ? new PostNormRows() : _rows[0];
        }
    }

    public override int Passes => _summariser.Layers.Length;

    public override int StateLength => _config.Seeds * (_config.Width + _config.Heads);

    public override JaggedLayout Summaries => _seedLayout;

    private AttentionPlan Plan => _plan ?? throw new InvalidOperationException("There has been no forward run yet.");

    private int SeedRows => checked((int)_seedLayout.Total);

    public override void Begin(JaggedLayout history)
    {
        _layout = history;
        _seedLayout = JaggedLayout.Uniform(history.Count, _config.Seeds);
        _plan = MakePlan(_mode == PassMode.Training ? history : JaggedLayout.Uniform(history.Count, 0));
        _summariser.Seeds.Repeat(history.Count, _seeds[0].Use(SeedRows, _config.Width));
        Ask(0);
    }

    public override void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts)
    {
        PoolingLayer layer = _summariser.Layers[pass];
        Span<float> normalised = _normalised[pass].Use(part.Total, _config.Width);
        layer.HistoryNorm.Forward(_context, part.Total, tokens, normalised);
        if (_mode == PassMode.Training)
        {
            layer.Attention.Forward(
                _context, Plan, normalised, _seeds[pass].Span, _attention[pass], _attentionScratch, version: 0, _attended.Use(SeedRows, _config.Width));
        }
        else
        {
            _partial.Add(_context, layer.Attention, MakePlan(part), normalised, _attention[pass]);
        }
    }

    public override void EndPass(int pass)
    {
        PoolingLayer layer = _summariser.Layers[pass];
        if (_mode == PassMode.Scoring)
        {
            layer.Attention.Answer(_context, Plan, _attention[pass], _attentionScratch, _attended.Use(SeedRows, _config.Width));
        }
        layer.Block.Forward(_context, SeedRows, _seeds[pass].Span, _attended.Span, _rows[pass], _seeds[pass + 1].Use(SeedRows, _config.Width));
        if (pass + 1 < Passes)
        {
            Ask(pass + 1);
        }
    }

    public override void Finish(Span<float> summary) => _seeds[^1].Span.CopyTo(summary);

    public override void SaveState(Span<float> state)
    {
        _partial.Outputs.CopyTo(state);
        _partial.LogSumExps.CopyTo(state[_partial.Outputs.Length..]);
    }

    public override void LoadState(long events, ReadOnlySpan<float> state)
    {
        int outputs = _partial.Outputs.Length;
        state[..outputs].CopyTo(_partial.Outputs);
        state[outputs..].CopyTo(_partial.LogSumExps);
        state[..outputs].CopyTo(_summariser.Layers[0].Attention.Result(Plan, _attention[0]));
    }

    public override void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient)
    {
        int width = _config.Width;
        Span<float> gradient = _seedGradient.Use(SeedRows, width);
        summaryGradient.CopyTo(gradient);
        for (int pass = Passes - 1; pass >= 0; pass--)
        {
            PoolingLayer layer = _summariser.Layers[pass];
            Span<float> sumGradient = _sumGradient.Zeroed(SeedRows, width);
            layer.Block.Backward(_context, SeedRows, _rows[pass], gradient, _normScratch, sumGradient);
            Span<float> queryGradient = _queryGradient.Use(SeedRows, width);
            Span<float> normalisedGradient = _normalisedGradient.Use(_layout.Total, width);
            layer.Attention.Backward(
                _context, Plan, _normalised[pass].Span, _seeds[pass].Span, _attention[pass], _attentionScratch, sumGradient, queryGradient, normalisedGradient);
            layer.HistoryNorm.Backward(_context, _layout.Total, tokens, normalisedGradient, _normScratch, tokenGradient);
            TensorPrimitives.Add(sumGradient, queryGradient, gradient);
        }
        _summariser.Seeds.RepeatBackward(_layout.Count, gradient);
    }

    private AttentionPlan MakePlan(JaggedLayout history) =>
        AttentionPlan.Make(_context, _config, AttentionForm.Projected, AttentionScore.Softmax, _seedLayout, history);

    private void Ask(int pass)
    {
        if (_mode == PassMode.Scoring)
        {
            AttentionLayer attention = _summariser.Layers[pass].Attention;
            attention.Ask(_context, Plan, _seeds[pass].Span, _attention[pass], _attentionScratch, version: 0);
            _partial.Begin(attention, Plan, _attention[pass]);
        }
    }
}

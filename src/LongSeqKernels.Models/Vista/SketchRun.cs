using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// A run of sketch layers. The prototypes of the first are the same for all segments, those of the others are each segment's own, so the latter run segment by segment.
/// A sketch is a sum over events: parts are added.
/// </summary>
internal sealed class SketchRun : SummariserRun
{
    private readonly LongSeqContext _context;
    private readonly SketchSummariser _summariser;
    private readonly VistaConfig _config;
    private readonly PassMode _mode;
    private readonly SketchRows[] _rows;
    private readonly GrowingBuffer _last = new();
    private readonly GrowingBuffer _partSketch = new();
    private readonly GrowingBuffer _partMass = new();
    private readonly NormScratch _normScratch = new();
    private readonly GrowingBuffer _gradient = new();
    private readonly GrowingBuffer _sumGradient = new();
    private readonly GrowingBuffer _queryGradient = new();
    private readonly GrowingBuffer _keyGradient = new();
    private readonly GrowingBuffer _valueGradient = new();
    private JaggedLayout _layout = JaggedLayout.FromLengths();
    private JaggedLayout _summaries = JaggedLayout.FromLengths();

    public SketchRun(LongSeqContext context, SketchSummariser summariser, PassMode mode)
    {
        _context = context;
        _summariser = summariser;
        _config = summariser.Config;
        _mode = mode;
        _rows = new SketchRows[summariser.Layers.Length];
        for (int layer = 0; layer < _rows.Length; layer++)
        {
            _rows[layer] = mode == PassMode.Training || layer < 2 ? new SketchRows() : _rows[layer - 2];
        }
    }

    public override int Passes => _summariser.Layers.Length;

    public override int StateLength => _config.Seeds * (_config.Width + 1);

    public override JaggedLayout Summaries => _summaries;

    private int SketchLength => _config.Seeds * _config.Width;

    private int SummaryRows => checked((int)_summaries.Total);

    public override void Begin(JaggedLayout history)
    {
        _layout = history;
        _summaries = JaggedLayout.Uniform(history.Count, _config.Seeds);
        _summariser.Prototypes.Repeat(history.Count, _rows[0].Prototypes.Use(SummaryRows, _config.Width));
        BeginPass(0);
    }

    public override void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts)
    {
        SketchLayer layer = _summariser.Layers[pass];
        SketchRows rows = _rows[pass];
        int count = checked((int)part.Total);
        layer.Key.Forward(_context, count, 0, tokens, rows.Keys.Use(count, _config.Width));
        layer.Value?.Forward(_context, count, 0, tokens, rows.Values.Use(count, _config.Width));
        rows.TokenLogSumExp.Use(count, 1);
        if (pass == 0)
        {
            Sketch(pass, part, 0, 0, tokens);
            return;
        }
        for (int segment = 0; segment < part.Count; segment++)
        {
            if (part.Length(segment) > 0)
            {
                Sketch(pass, JaggedLayout.Uniform(1, part.Length(segment)), segment, (int)part.Start(segment), tokens);
            }
        }
    }

    public override void EndPass(int pass)
    {
        SketchRows rows = _rows[pass];
        Span<float> sketch = rows.Sketch.Span;
        if (_mode == PassMode.Scoring && _config.SketchNormalization == SlotNormalization.Mass)
        {
            sketch = _partSketch.Use(SummaryRows, _config.Width);
            for (int row = 0; row < SummaryRows; row++)
            {
                TensorPrimitives.Divide(Row(rows.Sketch.Span, row), rows.Mass.Span[row] + SketchAttentionShape.MassEpsilon, Row(sketch, row));
            }
        }
        GrowingBuffer output = pass + 1 < Passes ? _rows[pass + 1].Prototypes : _last;
        _summariser.Layers[pass].Block.Forward(
            _context, SummaryRows, rows.Prototypes.Span, sketch, rows.Block, output.Use(SummaryRows, _config.Width));
        if (pass + 1 < Passes)
        {
            BeginPass(pass + 1);
        }
    }

    public override void Finish(Span<float> summary) => _last.Span.CopyTo(summary);

    public override void SaveState(Span<float> state)
    {
        _rows[0].Sketch.Span.CopyTo(state);
        _rows[0].Mass.Span.CopyTo(state[SketchLength..]);
    }

    public override void LoadState(long events, ReadOnlySpan<float> state)
    {
        state[..SketchLength].CopyTo(_rows[0].Sketch.Span);
        state[SketchLength..].CopyTo(_rows[0].Mass.Span);
    }

    public override void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient)
    {
        Span<float> gradient = _gradient.Use(SummaryRows, _config.Width);
        summaryGradient.CopyTo(gradient);
        for (int pass = Passes - 1; pass >= 0; pass--)
        {
            Span<float> sumGradient = _sumGradient.Zeroed(SummaryRows, _config.Width);
            _summariser.Layers[pass].Block.Backward(_context, SummaryRows, _rows[pass].Block, gradient, _normScratch, sumGradient);
            SketchBackward(pass, tokens, sumGradient, tokenGradient);
            sumGradient.CopyTo(gradient);
            Span<float> queryGradient = _queryGradient.Span;
            if (pass == 0)
            {
                _summariser.Layers[0].Query.Backward(
                    _context, _config.Seeds, 0, _summariser.Prototypes.Values, queryGradient, _summariser.Prototypes.Gradient);
            }
            else
            {
                _summariser.Layers[pass].Query.Backward(_context, SummaryRows, 0, _rows[pass].Prototypes.Span, queryGradient, gradient);
            }
        }
        _summariser.Prototypes.RepeatBackward(_layout.Count, gradient);
    }

    private void BeginPass(int pass)
    {
        SketchRows rows = _rows[pass];
        rows.Sketch.Zeroed(SummaryRows, _config.Width);
        rows.Mass.Zeroed(SummaryRows, 1);
        int count = pass == 0 ? _config.Seeds : SummaryRows;
        ReadOnlySpan<float> prototypes = pass == 0 ? _summariser.Prototypes.Values : rows.Prototypes.Span;
        _summariser.Layers[pass].Query.Forward(_context, count, 0, prototypes, rows.Queries.Use(count, _config.Width));
    }

    /// <summary>Adds the sketches of segments that start with <paramref name="segment"/> and whose tokens start with row <paramref name="first"/>.</summary>
    private void Sketch(int pass, JaggedLayout layout, int segment, int first, ReadOnlySpan<float> tokens)
    {
        SketchRows rows = _rows[pass];
        SketchAttentionShape shape = Shape(layout);
        Range sketches = Sketches(segment, layout.Count, _config.Width);
        Range masses = Sketches(segment, layout.Count, 1);
        bool training = _mode == PassMode.Training;
        Span<float> sketch = training ? rows.Sketch.Span[sketches] : _partSketch.Use(shape.SketchLength, 1);
        Span<float> mass = training ? rows.Mass.Span[masses] : _partMass.Use((long)layout.Count * _config.Seeds, 1);
        SketchAttention.Forward(
            _context, shape, Queries(pass, segment), Tokens(rows.Keys.Span, layout, first), Values(pass, layout, first, tokens), sketch,
            rows.TokenLogSumExp.Span.Slice(first, (int)layout.Total), mass);
        if (!training)
        {
            TensorPrimitives.Add(rows.Sketch.Span[sketches], sketch, rows.Sketch.Span[sketches]);
            TensorPrimitives.Add(rows.Mass.Span[masses], mass, rows.Mass.Span[masses]);
        }
    }

    /// <summary>Adds to the gradients of the layer's keys and values and of the tokens; overwrites that of the queries.</summary>
    private void SketchBackward(int pass, ReadOnlySpan<float> tokens, ReadOnlySpan<float> sketchGradient, Span<float> tokenGradient)
    {
        SketchLayer layer = _summariser.Layers[pass];
        int count = checked((int)_layout.Total);
        Span<float> keyGradient = _keyGradient.Use(count, _config.Width);
        Span<float> valueGradient = _valueGradient.Use(count, _config.Width);
        _queryGradient.Zeroed(pass == 0 ? _config.Seeds : SummaryRows, _config.Width);
        if (pass == 0)
        {
            SketchBackward(pass, _layout, 0, 0, tokens, sketchGradient);
        }
        for (int segment = 0; pass > 0 && segment < _layout.Count; segment++)
        {
            if (_layout.Length(segment) > 0)
            {
                SketchBackward(pass, JaggedLayout.Uniform(1, _layout.Length(segment)), segment, (int)_layout.Start(segment), tokens, sketchGradient);
            }
        }
        layer.Key.Backward(_context, count, 0, tokens, keyGradient, tokenGradient);
        if (layer.Value is null)
        {
            TensorPrimitives.Add(tokenGradient, valueGradient, tokenGradient);
        }
        else
        {
            layer.Value.Backward(_context, count, 0, tokens, valueGradient, tokenGradient);
        }
    }

    private void SketchBackward(int pass, JaggedLayout layout, int segment, int first, ReadOnlySpan<float> tokens, ReadOnlySpan<float> sketchGradient)
    {
        SketchRows rows = _rows[pass];
        Range sketches = Sketches(segment, layout.Count, _config.Width);
        Span<float> queryGradient = pass == 0 ? _queryGradient.Span : _queryGradient.Span[sketches];
        SketchAttention.Backward<float>(
            _context, Shape(layout), Queries(pass, segment), Tokens(rows.Keys.Span, layout, first), Values(pass, layout, first, tokens), rows.Sketch.Span[sketches],
            rows.TokenLogSumExp.Span.Slice(first, (int)layout.Total), rows.Mass.Span[Sketches(segment, layout.Count, 1)], sketchGradient[sketches],
            queryGradient, Tokens(_keyGradient.Span, layout, first), Tokens(_valueGradient.Span, layout, first));
    }

    private SketchAttentionShape Shape(JaggedLayout layout) => new(layout, _config.Seeds, _config.Width, _config.Width)
    {
        // Parts are sums; what is divided by the mass is their total.
        Normalization = _mode == PassMode.Training ? _config.SketchNormalization : SlotNormalization.None,
    };

    private ReadOnlySpan<float> Queries(int pass, int segment) => pass == 0 ? _rows[0].Queries.Span : _rows[pass].Queries.Span[Sketches(segment, 1, _config.Width)];

    private ReadOnlySpan<float> Values(int pass, JaggedLayout layout, int first, ReadOnlySpan<float> tokens)
    {
        ReadOnlySpan<float> values = _summariser.Layers[pass].Value is null ? tokens : _rows[pass].Values.Span;
        return values.Slice(first * _config.Width, (int)layout.Total * _config.Width);
    }

    private Span<float> Tokens(Span<float> rows, JaggedLayout layout, int first) => rows.Slice(first * _config.Width, (int)layout.Total * _config.Width);

    private Span<float> Row(Span<float> rows, int row) => rows.Slice(row * _config.Width, _config.Width);

    private Range Sketches(int segment, int count, int width) => (segment * _config.Seeds * width)..((segment + count) * _config.Seeds * width);
}

/// <summary>What a sketch layer makes of a batch, and keeps for its backward run.</summary>
internal sealed class SketchRows
{
    /// <summary>The layer's state before it: prototypes of each segment <c>[segments, k, D]</c>.</summary>
    public GrowingBuffer Prototypes { get; } = new();

    /// <summary>Projected prototypes <c>[k, D]</c> in the first layer, then <c>[segments, k, D]</c>.</summary>
    public GrowingBuffer Queries { get; } = new();

    public GrowingBuffer Keys { get; } = new();

    public GrowingBuffer Values { get; } = new();

    /// <summary>A X <c>[segments, k, D]</c>.</summary>
    public GrowingBuffer Sketch { get; } = new();

    /// <summary>Mass of tokens on each prototype <c>[segments, k]</c>.</summary>
    public GrowingBuffer Mass { get; } = new();

    public GrowingBuffer TokenLogSumExp { get; } = new();

    public PostNormRows Block { get; } = new();
}

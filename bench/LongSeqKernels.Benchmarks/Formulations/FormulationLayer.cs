using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>
/// One layer of target attention over one history, in either formulation, from the layer's queries to its heads' results: what <see cref="FormulationChooser"/> predicts the time of.
/// Without what both formulations share, W_O and the encoders.
/// </summary>
internal sealed class FormulationLayer
{
    private readonly LongSeqContext _context;
    private readonly int _width;
    private readonly int _heads;
    private readonly int _events;
    private readonly int _targets;
    private readonly BenchTensor<float> _history;
    private readonly BenchTensor<float> _input;
    private readonly BenchTensor<float> _weight;
    private readonly BenchTensor<float> _queries;
    private readonly BenchTensor<float> _keys;
    private readonly BenchTensor<float> _values;
    private readonly BenchTensor<float> _probes;
    private readonly BenchTensor<float> _views;
    private readonly BenchTensor<float> _output;
    private readonly CrossAttentionPlan _projected;
    private readonly CrossAttentionPlan _absorbed;

    public FormulationLayer(LongSeqContext context, int width, int heads, int events, int targets)
    {
        (_context, _width, _heads, _events, _targets) = (context, width, heads, events, targets);
        _history = BenchInputs.Uniform<float>((long)events * width, 1);
        _input = BenchInputs.Uniform<float>((long)targets * width, 2);
        // One matrix for W_Q, W_K and W_V: the time does not depend on what is in it.
        _weight = BenchInputs.Uniform<float>((long)width * width, 3, 1 / MathF.Sqrt(width));
        _queries = BenchInputs.Output<float>(_input.Length);
        _keys = BenchInputs.Output<float>(_history.Length);
        _values = BenchInputs.Output<float>(_history.Length);
        _probes = BenchInputs.Output<float>((long)targets * heads * width);
        _views = BenchInputs.Output<float>(_probes.Length);
        _output = BenchInputs.Output<float>(_input.Length);
        var options = new CrossAttentionOptions { Scale = 1 / MathF.Sqrt((float)width / heads) };
        CrossAttentionPlan Plan(HistoryForm form, int headWidth) => CrossAttention.Plan(
            context,
            new CrossAttentionShape { Targets = Problem.Targets, History = Problem.History, Heads = heads, HeadWidth = headWidth, Form = form },
            options);
        _projected = Plan(HistoryForm.Projected, width / heads);
        _absorbed = Plan(HistoryForm.Shared, width);
    }

    /// <summary>The layer as the chooser sees it.</summary>
    public FormulationProblem Problem => new()
    {
        Targets = JaggedLayout.FromLengths(_targets),
        History = JaggedLayout.FromLengths(_events),
        ModelWidth = _width,
        Heads = _heads,
    };

    /// <summary>Runs the layer once.</summary>
    public void Run(AttentionFormulation formulation)
    {
        var square = new LinearShape(_targets, _width, _width);
        Linear.Forward<float>(_context, square, _input, _weight, default, _queries);
        if (formulation == AttentionFormulation.Projected)
        {
            var projection = new LinearShape(_events, _width, _width);
            Linear.Forward<float>(_context, projection, _history, _weight, default, _keys);
            Linear.Forward<float>(_context, projection, _history, _weight, default, _values);
            CrossAttention.Forward<float>(_projected, _queries, _keys, _values, _output);
            return;
        }
        // As the models do it: a head's queries are a matrix of its own, and so are its probes.
        int headWidth = _width / _heads;
        int narrow = _targets * headWidth;
        int wide = _targets * _width;
        int block = headWidth * _width;
        for (int head = 0; head < _heads; head++)
        {
            Linear.Forward(
                _context,
                new LinearShape(_targets, headWidth, _width),
                _queries.Span.Slice(head * narrow, narrow),
                _weight.Span.Slice(head * block, block),
                default,
                _probes.Span.Slice(head * wide, wide));
        }
        CrossAttention.Forward<float>(_absorbed, _probes, _history, default, _views);
        for (int head = 0; head < _heads; head++)
        {
            Linear.Forward(
                _context,
                new LinearShape(_targets, _width, headWidth),
                _views.Span.Slice(head * wide, wide),
                _weight.Span.Slice(head * block, block),
                default,
                _output.Span.Slice(head * narrow, narrow));
        }
    }
}

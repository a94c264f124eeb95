using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>The newest events as their own summary, normalised: fewer rows than asked for where a history is shorter.</summary>
internal sealed class NewestEventsSummariser(ParameterSet set, string norm, VistaConfig config, int most) : Summariser
{
    private readonly NormLayer _norm = new(set, norm, config);

    public override void Initialise(RandomStream random) => _norm.Initialise();

    public override NewestEventsRun Start(LongSeqContext context, PassMode mode) => new(context, config.Width, most, _norm);
}

/// <summary>A run over a batch: keeps the last rows of each segment. They are also the state, oldest first.</summary>
internal sealed class NewestEventsRun(LongSeqContext context, int width, int most, NormLayer norm) : SummariserRun
{
    private readonly GrowingBuffer _rows = new();
    private readonly GrowingBuffer _rowGradient = new();
    private readonly NormScratch _scratch = new();
    private JaggedLayout _history = JaggedLayout.FromLengths();
    private JaggedLayout _summaries = JaggedLayout.FromLengths();
    private long[] _seen = [];

    public override int Passes => 1;

    public override int StateLength => most * width;

    public override JaggedLayout Summaries => _summaries;

    public override void Begin(JaggedLayout history)
    {
        _history = history;
        var lengths = new long[history.Count];
        for (int segment = 0; segment < lengths.Length; segment++)
        {
            lengths[segment] = Math.Min(most, history.Length(segment));
        }
        _summaries = JaggedLayout.FromLengths(lengths);
        _seen = new long[history.Count];
        _rows.Use(_summaries.Total, width);
    }

    public override void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts)
    {
        for (int segment = 0; segment < part.Count; segment++)
        {
            long skipped = _history.Length(segment) - _summaries.Length(segment);
            long first = Math.Max(0, skipped - _seen[segment]);
            long count = part.Length(segment) - first;
            if (count > 0)
            {
                long place = _summaries.Start(segment) + _seen[segment] + first - skipped;
                tokens.Slice((int)(part.Start(segment) + first) * width, (int)count * width).CopyTo(_rows.Span[((int)place * width)..]);
            }
            _seen[segment] += part.Length(segment);
        }
    }

    public override void Finish(Span<float> summary) => norm.Forward(context, _summaries.Total, _rows.Span, summary);

    public override void SaveState(Span<float> state)
    {
        state.Clear();
        _rows.Span.CopyTo(state);
    }

    public override void LoadState(long events, ReadOnlySpan<float> state)
    {
        long kept = Math.Min(most, events);
        _seen[0] = events - kept;
        Read(0, JaggedLayout.Uniform(1, kept), state[..((int)kept * width)], HistoryParts.Several);
    }

    public override void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient)
    {
        Span<float> rowGradient = _rowGradient.Zeroed(_summaries.Total, width);
        norm.Backward(context, _summaries.Total, _rows.Span, summaryGradient, _scratch, rowGradient);
        for (int segment = 0; segment < _summaries.Count; segment++)
        {
            int length = (int)_summaries.Length(segment) * width;
            Span<float> sum = tokenGradient.Slice(((int)_history.Start(segment + 1) * width) - length, length);
            TensorPrimitives.Add(sum, rowGradient.Slice((int)_summaries.Start(segment) * width, length), sum);
        }
    }
}

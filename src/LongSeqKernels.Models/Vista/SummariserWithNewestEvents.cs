namespace LongSeqKernels.Models;

/// <summary>A learned summary followed by the newest events as they are.</summary>
internal sealed class SummariserWithNewestEvents(Summariser learned, NewestEventsSummariser newest, int width) : Summariser
{
    public override void Initialise(RandomStream random)
    {
        learned.Initialise(random);
        newest.Initialise(random);
    }

    public override SummariserRun Start(LongSeqContext context, PassMode mode) => new RunWithNewestEvents(learned.Start(context, mode), newest.Start(context, mode), width);
}

/// <summary>A run of both over a batch. The newest events need the first pass only; the state is that of the learned summary, then theirs.</summary>
internal sealed class RunWithNewestEvents(SummariserRun learned, NewestEventsRun newest, int width) : SummariserRun
{
    private readonly GrowingBuffer _learned = new();
    private readonly GrowingBuffer _newest = new();
    private JaggedLayout _summaries = JaggedLayout.FromLengths();

    public override int Passes => learned.Passes;

    public override int StateLength => learned.StateLength + newest.StateLength;

    public override JaggedLayout Summaries => _summaries;

    public override void Begin(JaggedLayout history)
    {
        learned.Begin(history);
        newest.Begin(history);
        var lengths = new long[history.Count];
        for (int segment = 0; segment < lengths.Length; segment++)
        {
            lengths[segment] = learned.Summaries.Length(segment) + newest.Summaries.Length(segment);
        }
        _summaries = JaggedLayout.FromLengths(lengths);
    }

    public override void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts)
    {
        learned.Read(pass, part, tokens, parts);
        if (pass == 0)
        {
            newest.Read(pass, part, tokens, parts);
        }
    }

    public override void EndPass(int pass) => learned.EndPass(pass);

    public override void Finish(Span<float> summary)
    {
        Span<float> learnedRows = _learned.Use(learned.Summaries.Total, width);
        Span<float> newestRows = _newest.Use(newest.Summaries.Total, width);
        learned.Finish(learnedRows);
        newest.Finish(newestRows);
        for (int segment = 0; segment < _summaries.Count; segment++)
        {
            (Range first, Range second) = Places(segment);
            Own(learned, segment, learnedRows).CopyTo(summary[first]);
            Own(newest, segment, newestRows).CopyTo(summary[second]);
        }
    }

    public override void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient)
    {
        Span<float> learnedRows = _learned.Use(learned.Summaries.Total, width);
        Span<float> newestRows = _newest.Use(newest.Summaries.Total, width);
        for (int segment = 0; segment < _summaries.Count; segment++)
        {
            (Range first, Range second) = Places(segment);
            summaryGradient[first].CopyTo(Own(learned, segment, learnedRows));
            summaryGradient[second].CopyTo(Own(newest, segment, newestRows));
        }
        learned.Backward(tokens, learnedRows, tokenGradient);
        newest.Backward(tokens, newestRows, tokenGradient);
    }

    public override void SaveState(Span<float> state)
    {
        learned.SaveState(state[..learned.StateLength]);
        newest.SaveState(state[learned.StateLength..]);
    }

    public override void LoadState(long events, ReadOnlySpan<float> state)
    {
        learned.LoadState(events, state[..learned.StateLength]);
        newest.LoadState(events, state[learned.StateLength..]);
    }

    // Of a segment in the rows of one of both.
    private Span<float> Own(SummariserRun run, int segment, Span<float> rows) =>
        rows.Slice((int)run.Summaries.Start(segment) * width, (int)run.Summaries.Length(segment) * width);

    // Of a segment in the rows of both.
    private (Range Learned, Range Newest) Places(int segment)
    {
        int start = (int)_summaries.Start(segment) * width;
        int middle = start + ((int)learned.Summaries.Length(segment) * width);
        return (start..middle, middle..((int)_summaries.Start(segment + 1) * width));
    }
}

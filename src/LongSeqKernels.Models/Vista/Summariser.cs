namespace LongSeqKernels.Models;

/// <summary>The weights that turn a history's tokens into a summary.</summary>
internal abstract class Summariser
{
    /// <summary>Declares the weights of the summariser that a configuration asks for.</summary>
    public static Summariser Make(ParameterSet set, VistaConfig config)
    {
        Summariser summariser = config.Summariser switch
        {
            SummariserKind.QuasiLinear => new QuasiLinearSummariser(set, config),
            SummariserKind.SeedPooling => new PoolingSummariser(set, config),
            SummariserKind.Sketch => new SketchSummariser(set, config),
            _ => new NewestEventsSummariser(set, "summary_norm", config, config.Seeds),
        };
        return config.NewestTokens == 0
            ? summariser
            : new SummariserWithNewestEvents(summariser, new NewestEventsSummariser(set, "newest_norm", config, config.NewestTokens), config.Width);
    }

    /// <summary>Sets the initial weights.</summary>
    public abstract void Initialise(RandomStream random);

    /// <summary>Makes what a run over a batch needs, to be used for one batch after the other.</summary>
    public abstract SummariserRun Start(LongSeqContext context, PassMode mode);
}

/// <summary>
/// One run of a summariser over a batch. A history may come in parts: the summariser reads all of them once for every one of its <see cref="Passes"/>, in order. Runs
/// that train get the whole history as one part, and keep what their backward run needs.
/// </summary>
internal abstract class SummariserRun
{
    /// <summary>How often the history is read.</summary>
    public abstract int Passes { get; }

    /// <summary>Elements of the state of one segment, from which a run of one pass can go on when events were appended.</summary>
    public abstract int StateLength { get; }

    /// <summary>Starts a batch.</summary>
    /// <param name="history">Events per segment over all parts.</param>
    public abstract void Begin(JaggedLayout history);

    /// <summary>Summary tokens per segment.</summary>
    public abstract JaggedLayout Summaries { get; }

    /// <summary>Reads a part.</summary>
    /// <param name="pass">From 0.</param>
    /// <param name="part">Events of the part by segment.</param>
    /// <param name="tokens">Their tokens <c>[L, D]</c>; unchanged until the end of the last pass where there is one part only.</param>
    /// <param name="parts">Whether there are others.</param>
    public abstract void Read(int pass, JaggedLayout part, ReadOnlySpan<float> tokens, HistoryParts parts);

    /// <summary>Ends a pass.</summary>
    public virtual void EndPass(int pass)
    {
    }

    /// <summary>Writes the summaries <c>[tokens, D]</c> after the last pass.</summary>
    public abstract void Finish(Span<float> summary);

    /// <summary>The backward run of a training run: adds to the gradients of the parameters and of the tokens.</summary>
    /// <param name="tokens">As in the forward run.</param>
    /// <param name="summaryGradient"><c>[tokens, D]</c>, used up.</param>
    /// <param name="tokenGradient"><c>[L, D]</c>.</param>
    public abstract void Backward(ReadOnlySpan<float> tokens, Span<float> summaryGradient, Span<float> tokenGradient);

    /// <summary>Writes the state of the only segment of a run of one pass, as its events left it.</summary>
    /// <param name="state">Of <see cref="StateLength"/> elements.</param>
    public abstract void SaveState(Span<float> state);

    /// <summary>Goes on after <see cref="Begin"/> from the state of the first events of the only segment; the parts that follow are the others.</summary>
    /// <param name="events">The number of events in the state.</param>
    /// <param name="state">Of <see cref="StateLength"/> elements.</param>
    public abstract void LoadState(long events, ReadOnlySpan<float> state);
}

/// <summary>Whether a history comes in one part.</summary>
internal enum HistoryParts
{
    /// <summary>In one: what a pass makes of it may be kept for the next.</summary>
    One,

    /// <summary>In several: every pass starts from the tokens.</summary>
    Several,
}

namespace LongSeqKernels.Models;

/// <summary>
/// Summarises histories with a trained VISTA model, to be stored and scored later. Keep one: it holds the memory of its runs. Not thread-safe; summarisers of one model may
/// run at the same time.
/// </summary>
/// <remarks>
/// A history of L events that is longer than the given number is read in parts, once for every layer, so that memory does not grow with it. Multiply-adds of quasi-linear
/// layers with gated FFNs, r = 2: <c>L (2 D^2 + D dh)</c> for what a layer writes and <c>L (7 D^2 + D dh)</c> for what it reads. The last layer's history does not read;
/// rows of deeper layers are made again in every pass, so n layers take n writes and <c>n (n - 1) / 2</c> reads: 0.47 T multiply-adds for a million events at D = 128,
/// 4 heads, 3 layers, of which 0.12 T are repetition.
/// </remarks>
public sealed class VistaSummariser
{
    /// <summary>History events that are held at a time unless a constructor says otherwise.</summary>
    public const int DefaultMaxEvents = 1 << 13;

    private readonly LongSeqContext _context;
    private readonly VistaPass _pass;

    /// <summary>A summariser of a model.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="model">The model; training it changes later summaries.</param>
    /// <param name="encoding">How summaries are stored.</param>
    /// <param name="maxEvents">Most history events that are held at a time, 1 or more; what it costs is some 20 rows of D fp32 numbers for each.</param>
    /// <exception cref="ArgumentException">An argument is out of range.</exception>
    public VistaSummariser(LongSeqContext context, VistaModel model, SummaryEncoding encoding = SummaryEncoding.Int8, int maxEvents = DefaultMaxEvents)
    {
        Model = model;
        Encoding = Check.Defined(encoding);
        _context = context;
        _pass = new VistaPass(context, model, PassMode.Scoring) { MaxEvents = CheckMaxEvents(maxEvents) };
    }

    /// <summary>The model.</summary>
    public VistaModel Model { get; }

    /// <summary>How summaries are stored.</summary>
    public SummaryEncoding Encoding { get; }

    /// <summary>Why summaries of this model cannot be extended by appended events and must be made anew; null where they can.</summary>
    public string? AppendObstacle
    {
        get
        {
            VistaConfig config = Model.Config;
            return config.Layers > 1
                ? $"The summariser has {config.Layers} layers, and what layers after the first make of an event depends on all others; only one layer can be extended."
                : config.TimeGaps is not null && config.TimeReference != TimeReference.PreviousEvent
                    ? $"Time gaps are counted to {config.TimeReference}, which changes the tokens of all events; only gaps to {TimeReference.PreviousEvent} leave them as they are."
                    : null;
        }
    }

    /// <summary>Whether summaries of this model can be extended by appended events.</summary>
    public bool CanAppend => AppendObstacle is null;

    /// <summary>Summarises a user's history.</summary>
    /// <param name="history">The events; the time of the request counts for a model whose time gaps are counted to it.</param>
    /// <exception cref="ArgumentException">An identifier is unknown to the model, the columns differ in length, or weights that are not finite gave no summary.</exception>
    public UserSummary Summarise(UserHistory history) =>
        Encode(_pass.Summarise(VistaBatch.Prepare(Model.Config, Checked(history))));

    /// <summary>Summarises the histories of several users in one run, which is faster than one after the other where they are short.</summary>
    /// <param name="histories">One per user.</param>
    /// <returns>A summary for each, in their order.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Summarise(UserHistory)"/>.</exception>
    public UserSummary[] Summarise(IReadOnlyList<UserHistory> histories)
    {
        foreach (UserHistory history in histories)
        {
            Checked(history);
        }
        ReadOnlySpan<float> rows = _pass.Summarise(VistaBatch.Prepare(Model.Config, UserHistory.Concatenate(histories)));
        var summaries = new UserSummary[histories.Count];
        for (int user = 0; user < summaries.Length; user++)
        {
            int first = (int)_pass.Summaries.Start(user) * Model.Config.Width;
            summaries[user] = Encode(rows.Slice(first, (int)_pass.Summaries.Length(user) * Model.Config.Width));
        }
        return summaries;
    }

    /// <summary>Summarises a user's history and keeps what <see cref="Append"/> goes on from.</summary>
    /// <param name="history">The events.</param>
    /// <param name="state">The state after them.</param>
    /// <exception cref="ArgumentException">As for <see cref="Summarise(UserHistory)"/>.</exception>
    /// <exception cref="NotSupportedException">The model's summaries cannot be extended: <see cref="AppendObstacle"/>.</exception>
    public UserSummary Summarise(UserHistory history, out SummaryState state)
    {
        ThrowIfNotAppendable();
        UserSummary summary = Summarise(history);
        state = _pass.SaveState(history.Times.Length, history.Times.IsEmpty ? 0 : history.Times.Span[^1]);
        return summary;
    }

    /// <summary>
    /// Extends a summary by events that came after it, at the cost of these events alone; equal, up to rounding, to a summary of the whole history.
    /// </summary>
    /// <param name="earlier">Of this model: the store that it comes from answers for that.</param>
    /// <param name="appended">The events after those in <paramref name="earlier"/>.</param>
    /// <param name="state">The state after all of them.</param>
    /// <exception cref="ArgumentException">The state is of another model's shape, or the events do not fit the model.</exception>
    /// <exception cref="NotSupportedException">The model's summaries cannot be extended: <see cref="AppendObstacle"/>.</exception>
    public UserSummary Append(SummaryState earlier, UserHistory appended, out SummaryState state)
    {
        ThrowIfNotAppendable();
        earlier.CheckFits(Model.Config, _pass.StateLength, nameof(earlier));
        RequestBatch batch = VistaBatch.Prepare(Model.Config, Checked(appended), earlier.Events > 0 ? earlier.NewestTime : null);
        UserSummary summary = Encode(_pass.Summarise(batch, earlier));
        state = _pass.SaveState(earlier.Events + appended.Times.Length, appended.Times.IsEmpty ? earlier.NewestTime : appended.Times.Span[^1]);
        return summary;
    }

    private RequestBatch Checked(UserHistory history)
    {
        RequestBatch batch = history.Request(default, default);
        BatchCheck.Inputs(batch, Model.Config);
        return batch;
    }

    private UserSummary Encode(ReadOnlySpan<float> rows) => UserSummary.Encode(_context, Encoding, Model.Config.Width, rows);

    private void ThrowIfNotAppendable()
    {
        if (AppendObstacle is { } obstacle)
        {
            throw new NotSupportedException(obstacle);
        }
    }

    internal static int CheckMaxEvents(int maxEvents) => maxEvents >= 1 ? maxEvents : throw Error.Range(nameof(maxEvents), maxEvents, "1 or more");
}

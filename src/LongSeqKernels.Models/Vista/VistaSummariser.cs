namespace LongSeqKernels.Models;

/// <summary>
/// Summarises histories with a trained VISTA model, to be stored and scored later. Keep one: it holds the memory of its runs. Not thread-safe; summarisers of one model may
/// run at the same time.
/// </summary>
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

    /// <summary>Summarises a user's history.</summary>
    /// <param name="history">The events; the time of the request counts for a model whose time gaps are counted to it.</param>
    /// <exception cref="ArgumentException">An identifier is unknown to the model, the columns differ in length, or weights that are not finite gave no summary.</exception>
    public UserSummary Summarise(UserHistory history)
    {
        RequestBatch batch = history.Request(default, default);
        BatchCheck.Inputs(batch, Model.Config);
        return UserSummary.Encode(_context, Encoding, Model.Config.Width, _pass.Summarise(VistaBatch.Prepare(Model.Config, batch)));
    }

    internal static int CheckMaxEvents(int maxEvents) => maxEvents >= 1 ? maxEvents : throw Error.Range(nameof(maxEvents), maxEvents, "1 or more");
}

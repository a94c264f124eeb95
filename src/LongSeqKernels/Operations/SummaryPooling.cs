namespace LongSeqKernels;

/// <summary>
/// Summary pooling: M learned seed queries, shared by all users, attend to each user's history and leave M tokens
/// (pooling by multi-head attention; the seed rows of VISTA, arXiv 2510.22049). It is <see cref="CrossAttention"/> with broadcast queries,
/// split over the history: run it with that class's methods and the plan made here.
/// </summary>
public static class SummaryPooling
{
    /// <summary>Decides how to pool a batch of histories.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="history">History rows per user.</param>
    /// <param name="seeds">M, the seeds per user: 1 or more, usually 16 to 1024.</param>
    /// <param name="heads">Query heads H.</param>
    /// <param name="headWidth">Width of a head (of the model for shared history).</param>
    /// <param name="form">Projected keys and values, or one shared history.</param>
    /// <param name="keyValueHeads">Hkv, a divisor of H; 0 for the default of the form.</param>
    /// <param name="options">Scale, cap, score.</param>
    /// <returns>A plan whose queries are <c>[M, 1, H, dh]</c> and whose output is <c>[users, M, 1, H, dh]</c>.</returns>
    /// <exception cref="ArgumentException">An extent or an option is out of range or contradicts another.</exception>
    public static CrossAttentionPlan Plan(
        LongSeqContext context,
        JaggedLayout history,
        int seeds,
        int heads,
        int headWidth,
        HistoryForm form = HistoryForm.Projected,
        int keyValueHeads = 0,
        CrossAttentionOptions options = default) =>
        CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = JaggedLayout.Uniform(history.Count, Check.Width(seeds)),
            History = history,
            Heads = heads,
            HeadWidth = headWidth,
            Form = form,
            KeyValueHeads = keyValueHeads,
            BroadcastQueries = true,
        }, options);
}

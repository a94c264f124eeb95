namespace LongSeqKernels.Models;

/// <summary>How the action of an event enters its token.</summary>
public enum ActionFusion
{
    /// <summary><c>x = e + a</c>: the action's embedding is added. Costs nothing.</summary>
    Sum,

    /// <summary><c>x = e + SwiGLU([e ; a])</c> (SequenceO1, arXiv 2609.08443, section 2). Costs as much as the history encoder of one more layer.</summary>
    GatedFfn,
}

/// <summary>Which of the two equal forms of the attention runs.</summary>
public enum AttentionForm
{
    /// <summary>The cheaper one for each batch.</summary>
    Auto,

    /// <summary>The history is key and value of all heads; W_K and W_V are applied to the queries and to the result (SequenceO1, appendix G.2.1).</summary>
    Absorbed,

    /// <summary>Keys and values are projected once and read by all targets.</summary>
    Projected,
}

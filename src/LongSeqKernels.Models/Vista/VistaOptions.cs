namespace LongSeqKernels.Models;

/// <summary>How a history becomes the tokens of its summary.</summary>
public enum SummariserKind
{
    /// <summary>Quasi-linear attention over history and learned seeds; the seed rows of the last layer are the summary (VISTA, arXiv 2510.22049).</summary>
    QuasiLinear,

    /// <summary>Pooling by multi-head attention: learned seeds attend to the encoded history (Set Transformer's PMA); further layers ask again.</summary>
    SeedPooling,

    /// <summary>Sketch attention: every event spreads itself over learned prototypes (SequenceO1, arXiv 2609.08443).</summary>
    Sketch,

    /// <summary>The tokens of the newest events as they are: what the others are compared with. Has no weights but a layer norm's.</summary>
    NewestEvents,
}

/// <summary>What the time gap of an event is counted to.</summary>
public enum TimeReference
{
    /// <summary>The request. A summary is then one of history and request time, and is a little wrong for every later request.</summary>
    Request,

    /// <summary>The newest event: a summary is a function of the history alone. Appended events change the tokens of all others.</summary>
    NewestEvent,

    /// <summary>The event before it: tokens never change, so that summaries can be extended by appended events. Nothing says how old an event is.</summary>
    PreviousEvent,
}

/// <summary>Factor of the state of quasi-linear attention before its activation, by the number N of rows that it sums.</summary>
public enum StateScale
{
    /// <summary>1.</summary>
    One,

    /// <summary>1 / N: the state is a mean, whatever the length of the history.</summary>
    InverseRows,

    /// <summary>1 / sqrt(N): the state of unrelated rows keeps its size.</summary>
    InverseSquareRootOfRows,
}

/// <summary>What the result of a quasi-linear attention is added to.</summary>
public enum ResidualSource
{
    /// <summary>The layer's input x.</summary>
    Input,

    /// <summary>The normalised input LN(x).</summary>
    NormalisedInput,
}

/// <summary>What a sketch sums.</summary>
public enum SketchValues
{
    /// <summary>The tokens themselves (SequenceO1).</summary>
    Tokens,

    /// <summary>A projection of them.</summary>
    Projected,
}

/// <summary>What the reconstruction loss is a function of.</summary>
public enum ReconstructionTargets
{
    /// <summary>The events to be predicted are constants, so that the loss cannot be lowered by making all of them alike.</summary>
    Constant,

    /// <summary>Their embeddings are trained by it too.</summary>
    Trained,
}

namespace LongSeqKernels.Serving;

/// <summary>The body of <c>POST /v1/score</c>.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Candidates">Items by number.</param>
/// <param name="Items">Items by name, instead of <paramref name="Candidates"/>.</param>
/// <param name="Features">Context features <c>[candidates, ContextWidth]</c>, candidate after candidate; for models that have any.</param>
internal sealed record ScoreRequest(string? User, int[]? Candidates, string[]? Items, float[]? Features);

/// <summary>The answer: one score per candidate, in the order of the request.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Version">The model that scored.</param>
/// <param name="HistoryLength">Events that the user's summary has seen.</param>
/// <param name="HistoryTime">Unix seconds of the newest of them.</param>
/// <param name="Scores">Logits: higher is better; only differences between candidates of a request count.</param>
internal sealed record ScoreResponse(string User, string Version, long HistoryLength, long HistoryTime, float[] Scores);

/// <summary>The answer to a request that failed.</summary>
/// <param name="Error">A word for programs, such as unknown_user.</param>
/// <param name="Message">A sentence for people.</param>
internal sealed record ErrorResponse(string Error, string Message);

/// <summary>The answer of <c>GET /healthz</c>.</summary>
/// <param name="Status">ok, stopping or store_unavailable.</param>
/// <param name="Version">The model that scores.</param>
/// <param name="Message">Why the status is not ok.</param>
internal sealed record HealthResponse(string Status, string Version, string? Message);

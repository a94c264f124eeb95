namespace LongSeqKernels.Models;

/// <summary>
/// Scores a target by how often others touched it of late, with one fitted weight: no history at all. Where negatives are drawn as often as they were touched, the weight
/// is negative: what is popular is likelier a negative. Reads <see cref="BatchContent.Popularity"/>.
/// </summary>
public sealed class PopularityBaseline : IRequestScorer
{
    private readonly ConditionalLogit _model;

    private PopularityBaseline(ConditionalLogit model) => _model = model;

    /// <summary>Fits the weight.</summary>
    /// <param name="requests">Requests to learn from, with their popularity; the first target is the positive.</param>
    /// <exception cref="ArgumentException">There are no requests, or they have no popularity.</exception>
    public static PopularityBaseline Fit(IReadOnlyList<Request> requests)
    {
        if (requests.Count == 0 || requests.Any(request => request.Popularity.Length != request.Targets.Length))
        {
            throw Error.Invalid(nameof(requests), requests.Count == 0 ? "empty" : "a list with a request without popularity", "one request or more, each with the popularity of its targets");
        }
        var layout = JaggedLayout.FromLengths([.. requests.Select(request => (long)request.Targets.Length)]);
        float[] popularity = [.. requests.SelectMany(request => request.Popularity.ToArray())];
        return new PopularityBaseline(ConditionalLogit.Fit(layout, popularity, stride: 1, count: 1, CancellationToken.None));
    }

    /// <inheritdoc/>
    public void Score(RequestBatch batch, Span<float> logits)
    {
        Check.Length(logits, batch.Targets.Total, "one per target");
        Check.Length(batch.TargetContext.Span, batch.Targets.Total, "the popularity of each target", nameof(batch.TargetContext));
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = (float)_model.Score(batch.TargetContext.Span.Slice(i, 1));
        }
    }
}

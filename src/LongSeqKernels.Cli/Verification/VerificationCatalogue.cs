namespace LongSeqKernels.Cli;

/// <summary>Every operation in shapes that lie off every tile: empty, one, one below and one above, ragged.</summary>
internal static class VerificationCatalogue
{
    /// <summary>The names of the operations, in the order of the catalogue.</summary>
    public static IReadOnlyList<string> Operations { get; } = [.. Create(thorough: false).Select(verification => verification.Operation).Distinct()];

    /// <summary>All cases.</summary>
    /// <param name="thorough">Also histories of 100,000 events.</param>
    public static IReadOnlyList<VerificationCase> Create(bool thorough) =>
    [
        .. CrossAttentionCase.All(thorough),
        .. EncodedCrossAttentionCase.All(),
        new MergeStatesCase(),
        .. LinearAttentionCase.All(),
        .. SketchAttentionCase.All(),
        .. GatedFfnCase.All(),
        .. LinearCase.All(),
        .. LayerNormCase.All(),
        .. SegmentReduceCase.All(),
        new TimeEmbeddingCase(),
        .. SummaryCodecCase.All(),
    ];
}

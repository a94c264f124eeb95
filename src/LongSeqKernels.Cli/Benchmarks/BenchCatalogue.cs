namespace LongSeqKernels.Cli;

/// <summary>Every operation that can be measured.</summary>
internal static class BenchCatalogue
{
    /// <summary>All operations, attention first.</summary>
    public static readonly IReadOnlyList<BenchOperation> All =
    [
        new CrossAttentionBench("cross-attention", HistoryForm.Projected, QuerySource.Targets),
        new CrossAttentionBench("shared-history", HistoryForm.Shared, QuerySource.Targets),
        new CrossAttentionBench("summary-pooling", HistoryForm.Projected, QuerySource.Seeds),
        new EncodedHistoryBench("encoded-history", HistoryDecoding.Inside),
        new EncodedHistoryBench("decoded-history", HistoryDecoding.First),
        new GatedFfnBench(),
        new LinearBench(),
        new LayerNormBench(),
        new LinearAttentionStateBench(),
        new LinearAttentionReadBench(),
        new SketchAttentionBench(),
        new MergeStatesBench(),
        new SegmentReduceBench(),
        new TimeEmbeddingBench(),
        new SummaryCodecBench("summary-encode", CodecWay.Encode),
        new SummaryCodecBench("summary-decode", CodecWay.Decode),
    ];

    /// <summary>The operation of a name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static BenchOperation Find(string name) =>
        All.FirstOrDefault(operation => operation.Name == name)
        ?? throw new ArgumentException($"The operation is \"{name}\"; it must be one of {string.Join(", ", All.Select(operation => operation.Name))}.");
}

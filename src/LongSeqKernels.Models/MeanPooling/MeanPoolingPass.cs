using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>One run of a mean-pooling model over a batch, forward and backward, with memory that is kept from batch to batch. Not thread-safe.</summary>
internal sealed class MeanPoolingPass(LongSeqContext context, MeanPoolingModel model) : ITrainingPass
{
    private readonly ActionFusionState _actions = new();
    private readonly ScorerState _scorer = new();
    private readonly GrowingBuffer _tokens = new();
    private readonly GrowingBuffer _sums = new();
    private readonly GrowingBuffer _means = new();
    private readonly GrowingBuffer _targets = new();
    private readonly GrowingBuffer _products = new();
    private readonly GrowingBuffer _targetGradient = new();
    private readonly GrowingBuffer _productGradient = new();
    private readonly GrowingBuffer _meanGradient = new();
    private readonly GrowingBuffer _sumGradient = new();
    private readonly GrowingBuffer _tokenGradient = new();
    private RequestBatch? _batch;
    private HistoryPrefixes? _prefixes;

    /// <summary>There are no objectives beside the ranking.</summary>
    public double AuxiliaryLoss => 0;

    private int Width => model.Config.Width;

    public void Forward(RequestBatch batch, Span<float> logits)
    {
        _batch = batch;
        _prefixes = HistoryPrefixes.Of(batch);
        if (logits.IsEmpty)
        {
            return;
        }
        Span<float> sums = Sum(batch, _prefixes.Pieces);
        _prefixes.Means(sums, Width, _means.Use(logits.Length, Width));
        Rank(batch, logits);
    }

    /// <summary>Scores the targets of a batch against a mean that is at hand.</summary>
    public void Forward(RequestBatch batch, ReadOnlySpan<float> mean, Span<float> logits)
    {
        Span<float> means = _means.Use(logits.Length, Width);
        for (int target = 0; target < logits.Length; target++)
        {
            mean.CopyTo(means.Slice(target * Width, Width));
        }
        Rank(batch, logits);
    }

    /// <summary>The mean of the tokens of a batch's one history.</summary>
    public float[] Mean(RequestBatch batch)
    {
        float[] mean = Sum(batch, batch.History).ToArray();
        TensorPrimitives.Divide(mean, Math.Max(1, batch.History.Total), mean);
        return mean;
    }

    public void Backward(ReadOnlySpan<float> logitGradient)
    {
        if (_batch is not { } batch || _prefixes is not { } prefixes)
        {
            throw new InvalidOperationException("A backward run needs a forward run before it.");
        }
        model.Parameters.ClearGradients();
        int targets = logitGradient.Length;
        if (targets == 0)
        {
            return;
        }
        Span<float> targetGradient = _targetGradient.Zeroed(targets, Width);
        Span<float> productGradient = _productGradient.Zeroed(targets, Width);
        model.Scorer.Backward(context, targets, _products.Span, _targets.Span, batch.TargetContext.Span, _scorer, logitGradient, productGradient, targetGradient);
        TensorPrimitives.MultiplyAdd(productGradient, _means.Span, targetGradient, targetGradient);
        Span<float> meanGradient = _meanGradient.Use(targets, Width);
        TensorPrimitives.Multiply(productGradient, _targets.Span, meanGradient);
        Span<float> sumGradient = _sumGradient.Use(prefixes.Pieces.Count, Width);
        prefixes.MeansBackward(meanGradient, Width, sumGradient);
        Span<float> tokenGradient = _tokenGradient.Use(batch.History.Total, Width);
        SegmentReduce.Backward<float>(context, SegmentReduction.Sum, prefixes.Pieces, Width, _tokens.Span, sumGradient, tokenGradient);
        model.Tokens.BackwardTargets(batch.TargetItems.Span, targetGradient);
        model.Tokens.BackwardHistory(context, batch, _actions, tokenGradient);
    }

    private Span<float> Sum(RequestBatch batch, JaggedLayout pieces)
    {
        Span<float> tokens = _tokens.Use(batch.History.Total, Width);
        model.Tokens.EncodeHistory(context, batch, _actions, tokens);
        Span<float> sums = _sums.Use(pieces.Count, Width);
        SegmentReduce.Forward<float>(context, SegmentReduction.Sum, pieces, Width, tokens, sums);
        return sums;
    }

    private void Rank(RequestBatch batch, Span<float> logits)
    {
        Span<float> targets = _targets.Use(logits.Length, Width);
        model.Tokens.EncodeTargets(batch.TargetItems.Span, targets);
        Span<float> products = _products.Use(logits.Length, Width);
        TensorPrimitives.Multiply(_means.Span, targets, products);
        model.Scorer.Forward(context, logits.Length, products, targets, batch.TargetContext.Span, _scorer, logits);
    }
}

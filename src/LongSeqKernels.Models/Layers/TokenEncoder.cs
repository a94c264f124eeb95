using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// Turns events and targets into tokens: item embedding plus that of the item's category; for events the action fused in and the embedding of the time gap added.
/// Targets and events share their tables, so a target's token is near the tokens of the same item's events from the start.
/// </summary>
internal sealed class TokenEncoder
{
    private readonly ModelConfig _config;
    private readonly ReadOnlyMemory<int> _itemCategories;
    private readonly EmbeddingTable _items;
    private readonly EmbeddingTable? _categories;
    private readonly Parameter? _actions;
    private readonly ActionFusionLayer? _fusion;
    private readonly Parameter? _timeGaps;

    public TokenEncoder(ParameterSet set, ModelConfig config, ReadOnlyMemory<int> itemCategories)
    {
        _config = config;
        _itemCategories = itemCategories;
        _items = set.AddTable("item_embedding", config.Items, config.Width);
        _categories = config.Categories == 0 ? null : set.AddTable("category_embedding", config.Categories, config.Width);
        if (config.Actions > 1)
        {
            _actions = set.Add("action_embedding", ParameterKind.Table, config.Actions, config.Width);
            _fusion = config.ActionFusion == ActionFusion.GatedFfn ? new ActionFusionLayer(set, "action_fusion", config, _actions) : null;
        }
        _timeGaps = config.TimeGaps is { } gaps ? set.Add("time_embedding", ParameterKind.Table, gaps.Buckets, config.Width) : null;
    }

    /// <summary>Action and time embeddings start at 0, so that a token starts as its item, unless actions go through a gated FFN, where 0 would have no gradient.</summary>
    public void Initialise(RandomStream random)
    {
        Initialisation.Normal(_items.Values, _config.EmbeddingScale, random);
        if (_categories is not null)
        {
            Initialisation.Normal(_categories.Values, _config.EmbeddingScale, random);
        }
        if (_fusion is not null)
        {
            Initialisation.Normal(_actions!.Values, _config.EmbeddingScale, random);
            _fusion.Initialise(random);
        }
    }

    /// <summary>Writes the tokens of targets <c>[T, D]</c>.</summary>
    public void EncodeTargets(ReadOnlySpan<int> items, Span<float> tokens)
    {
        _items.Gather(items, tokens);
        _categories?.GatherAdd(items, _itemCategories.Span, tokens);
    }

    /// <summary>Writes the tokens of a batch's history <c>[L, D]</c>.</summary>
    public void EncodeHistory(LongSeqContext context, RequestBatch batch, ActionFusionState state, Span<float> tokens)
    {
        ReadOnlySpan<int> items = batch.HistoryItems.Span;
        EncodeTargets(items, tokens);
        if (_fusion is not null)
        {
            _fusion.Forward(context, batch.HistoryActions.Span, state, tokens);
        }
        else if (_actions is not null)
        {
            ReadOnlySpan<int> actions = batch.HistoryActions.Span;
            for (int i = 0; i < actions.Length; i++)
            {
                Span<float> token = tokens.Slice(i * _config.Width, _config.Width);
                TensorPrimitives.Add(token, Row(_actions.Values, actions[i]), token);
            }
        }
        if (_timeGaps is not null)
        {
            TimeEmbedding.Forward<float>(
                context, _config.TimeGaps!.Value, batch.History, _config.Width, batch.RequestTimes.Span, batch.HistoryTimes.Span, _timeGaps.Values, tokens);
        }
    }

    /// <summary>Adds the gradient of targets' tokens to the tables'.</summary>
    public void BackwardTargets(ReadOnlySpan<int> items, ReadOnlySpan<float> tokenGradients)
    {
        _items.AddGradient(items, default, tokenGradients);
        _categories?.AddGradient(items, _itemCategories.Span, tokenGradients);
    }

    /// <summary>Adds the gradient of the history's tokens to those of all that they were made of. <paramref name="tokenGradients"/> is used up.</summary>
    public void BackwardHistory(LongSeqContext context, RequestBatch batch, ActionFusionState state, Span<float> tokenGradients)
    {
        if (_timeGaps is not null)
        {
            TimeEmbedding.Backward<float>(
                context, _config.TimeGaps!.Value, batch.History, _config.Width, batch.RequestTimes.Span, batch.HistoryTimes.Span, tokenGradients, _timeGaps.Gradient);
        }
        if (_fusion is not null)
        {
            _fusion.Backward(context, batch.HistoryActions.Span, state, tokenGradients);
        }
        else if (_actions is not null)
        {
            ReadOnlySpan<int> actions = batch.HistoryActions.Span;
            for (int i = 0; i < actions.Length; i++)
            {
                Span<float> sum = Row(_actions.Gradient, actions[i]);
                TensorPrimitives.Add(sum, tokenGradients.Slice(i * _config.Width, _config.Width), sum);
            }
        }
        BackwardTargets(batch.HistoryItems.Span, tokenGradients);
    }

    private Span<float> Row(Span<float> table, int row) => table.Slice(row * _config.Width, _config.Width);
}

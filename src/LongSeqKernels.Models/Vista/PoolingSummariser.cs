namespace LongSeqKernels.Models;

/// <summary>
/// Pooling by multi-head attention (Set Transformer, arXiv 1810.00825): learned seeds attend to the normalised history, <c>h = LN(S + MHA(S, Z, Z)), y = LN(h + FFN(h))</c>.
/// Further layers let the rows ask the same history again.
/// </summary>
internal sealed class PoolingSummariser : Summariser
{
    public PoolingSummariser(ParameterSet set, VistaConfig config)
    {
        Config = config;
        Seeds = new SeedTokens(set, "seeds", config);
        Layers = new PoolingLayer[config.Layers];
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            Layers[layer] = new PoolingLayer(set, $"summariser.{layer}", config);
        }
    }

    public VistaConfig Config { get; }

    public SeedTokens Seeds { get; }

    public PoolingLayer[] Layers { get; }

    public override void Initialise(RandomStream random)
    {
        Seeds.Initialise(1, random);
        foreach (PoolingLayer layer in Layers)
        {
            layer.HistoryNorm.Initialise();
            layer.Attention.Initialise(random);
            layer.Attention.StartPassingThrough();
            layer.Block.Initialise(random);
        }
    }

    public override SummariserRun Start(LongSeqContext context, PassMode mode) => new PoolingRun(context, this, mode);
}

/// <summary>The weights of one layer.</summary>
internal sealed class PoolingLayer(ParameterSet set, string name, VistaConfig config)
{
    public NormLayer HistoryNorm { get; } = new(set, $"{name}.history_norm", config);

    public AttentionLayer Attention { get; } = new(set, $"{name}.attention", config);

    public PostNormBlock Block { get; } = new(set, name, config);
}

namespace LongSeqKernels.Models;

/// <summary>
/// SequenceO1's stacked sketch attention (arXiv 2609.08443): prototypes are the state, every token spreads itself over them by a softmax over the prototypes,
/// <c>h = LN(P + A X), P' = LN(h + FFN(h))</c>. Single head; the width is kept.
/// </summary>
internal sealed class SketchSummariser : Summariser
{
    public SketchSummariser(ParameterSet set, VistaConfig config)
    {
        Config = config;
        Prototypes = new SeedTokens(set, "prototypes", config);
        Layers = new SketchLayer[config.Layers];
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            Layers[layer] = new SketchLayer(set, $"summariser.{layer}", config);
        }
    }

    public VistaConfig Config { get; }

    public SeedTokens Prototypes { get; }

    public SketchLayer[] Layers { get; }

    public override void Initialise(RandomStream random)
    {
        Prototypes.Initialise(1, random);
        foreach (SketchLayer layer in Layers)
        {
            Initialisation.KeepSize(layer.Query.Weight, random);
            Initialisation.KeepSize(layer.Key.Weight, random);
            if (layer.Value is not null)
            {
                Initialisation.Identity(layer.Value.Weight);
            }
            layer.Block.Initialise(random);
        }
    }

    public override SummariserRun Start(LongSeqContext context, PassMode mode) => new SketchRun(context, this, mode);
}

/// <summary>The weights of one layer. A bias of the queries cancels in the softmax over prototypes; there is none of the keys either.</summary>
internal sealed class SketchLayer(ParameterSet set, string name, VistaConfig config)
{
    public LinearLayer Query { get; } = new(set, $"{name}.query", [config.Width], config.Width, bias: false);

    public LinearLayer Key { get; } = new(set, $"{name}.key", [config.Width], config.Width, bias: false);

    /// <summary>Null where the tokens themselves are summed.</summary>
    public LinearLayer? Value { get; } =
        config.SketchValues == SketchValues.Projected ? new LinearLayer(set, $"{name}.value", [config.Width], config.Width, config.Biases) : null;

    public PostNormBlock Block { get; } = new(set, name, config);
}

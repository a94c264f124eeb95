namespace LongSeqKernels.Models;

/// <summary>
/// VISTA's stage 2: self-attention layers over [summary; candidates] in which a candidate sees the summary and itself, the summary only itself, so that candidates never see
/// each other and the summary's rows are a function of the user alone; then one layer of target attention, from candidates to summary. Summary rows come normalised.
/// </summary>
internal sealed class CandidateStage
{
    public CandidateStage(ParameterSet set, VistaConfig config)
    {
        Config = config;
        Layers = new TransformerLayer[config.CandidateLayers];
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            Layers[layer] = new TransformerLayer(set, $"candidates.{layer}", config);
        }
        SummaryNorm = Layers.Length == 0 ? null : new NormLayer(set, "target.summary_norm", config);
        TargetNorm = new NormLayer(set, "target.norm", config);
        Target = new AttentionLayer(set, "target.attention", config);
        FfnNorm = new NormLayer(set, "target.ffn_norm", config);
        Ffn = new GatedFfnLayer(set, "target.ffn", config, LongSeqKernels.FfnNorm.None);
        OutputNorm = config.OutputLayerNorm ? new NormLayer(set, "target.output_norm", config) : null;
    }

    public VistaConfig Config { get; }

    public TransformerLayer[] Layers { get; }

    /// <summary>Of the summary rows that the target attention reads; they come normalised where no layer is before it.</summary>
    public NormLayer? SummaryNorm { get; }

    public NormLayer TargetNorm { get; }

    public AttentionLayer Target { get; }

    public NormLayer FfnNorm { get; }

    public GatedFfnLayer Ffn { get; }

    public NormLayer? OutputNorm { get; }

    /// <summary>
    /// The last gated FFN starts with squares, so that products of a candidate and of what it attended to are there from the start.
    /// </summary>
    public void Initialise(RandomStream random)
    {
        foreach (TransformerLayer layer in Layers)
        {
            layer.Initialise(random);
        }
        SummaryNorm?.Initialise();
        TargetNorm.Initialise();
        Target.Initialise(random);
        Target.StartPassingThrough();
        FfnNorm.Initialise();
        Ffn.Initialise(random);
        Ffn.StartAsSquares();
        OutputNorm?.Initialise();
    }
}

namespace LongSeqKernels.Models;

/// <summary>
/// VISTA's stage 1: layers of quasi-linear attention over [history; seeds]. A layer's state is a sum over history rows and seed rows; both read it, and the seed rows of the
/// last layer, normalised, are the summary. The last layer's history rows write but do not read.
/// </summary>
internal sealed class QuasiLinearSummariser : Summariser
{
    public QuasiLinearSummariser(ParameterSet set, VistaConfig config)
    {
        Config = config;
        Seeds = new SeedTokens(set, "seeds", config);
        Layers = new QuasiLinearLayer[config.Layers];
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            Layers[layer] = new QuasiLinearLayer(set, $"summariser.{layer}", config);
        }
        Norm = new NormLayer(set, "summary_norm", config);
    }

    public VistaConfig Config { get; }

    public SeedTokens Seeds { get; }

    public QuasiLinearLayer[] Layers { get; }

    public NormLayer Norm { get; }

    /// <summary>Seeds start small, so that a summary starts as what they read; their size does not matter to their queries.</summary>
    public override void Initialise(RandomStream random)
    {
        Seeds.Initialise(0.2f, random);
        foreach (QuasiLinearLayer layer in Layers)
        {
            layer.Initialise(random);
        }
        Norm.Initialise();
    }

    public override SummariserRun Start(LongSeqContext context, PassMode mode) => new QuasiLinearRun(context, this, mode);
}

namespace LongSeqKernels.Models;

/// <summary>
/// The weights of VISTA's reconstruction loss (arXiv 2510.22049, figure 5): one causal transformer layer over [summary; SOS; the newest events], whose every row predicts
/// the token of the event after it.
/// </summary>
internal sealed class Reconstruction(ParameterSet set, VistaConfig config)
{
    public VistaConfig Config => config;

    /// <summary>What the first event is predicted from.</summary>
    public Parameter Start { get; } = set.Add("reconstruction.start", ParameterKind.Table, 1, config.Width);

    public TransformerLayer Layer { get; } = new(set, "reconstruction", config);

    public void Initialise(RandomStream random)
    {
        Initialisation.Normal(Start.Values, config.EmbeddingScale, random);
        Layer.Initialise(random);
    }
}

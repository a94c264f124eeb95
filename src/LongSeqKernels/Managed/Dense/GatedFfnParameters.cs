namespace LongSeqKernels;

/// <summary>The parameters of a gated FFN as its kernels read them: weights by panels, and fp32 vectors padded to whole panels.</summary>
internal unsafe struct GatedFfnParameters
{
    /// <summary>Of W_u and W_v: <c>[D, rD]</c>.</summary>
    public Panels Hidden;

    /// <summary>Of W_o: <c>[rD, D]</c>.</summary>
    public Panels Output;
    public FfnNorm Norm;
    public float Epsilon;
    public WeightPanels Up;
    public WeightPanels Gate;
    public WeightPanels Down;
    public float* UpBias;
    public float* GateBias;
    public float* DownBias;
    public bool HasDownBias;
    public float* NormGain;
    public float* NormBias;

    public GatedFfnParameters(GatedFfnShape shape)
    {
        Hidden = new Panels(shape.Width, shape.HiddenWidth);
        Output = new Panels(shape.HiddenWidth, shape.Width);
        Norm = shape.Norm;
        Epsilon = shape.Epsilon;
    }

    /// <summary>Floats of the vectors.</summary>
    public readonly long VectorFloats => (2 * Hidden.PaddedWidth) + (3 * Output.PaddedWidth);

    /// <summary>Lays the vectors out from <paramref name="target"/> on and fills them.</summary>
    public void FillVectors<T>(GatedFfnWeights<T> weights, float* target)
        where T : unmanaged
    {
        new Span<float>(target, checked((int)VectorFloats)).Clear();
        UpBias = target;
        GateBias = UpBias + Hidden.PaddedWidth;
        DownBias = GateBias + Hidden.PaddedWidth;
        NormGain = DownBias + Output.PaddedWidth;
        NormBias = NormGain + Output.PaddedWidth;
        HasDownBias = !weights.DownBias.IsEmpty;
        Parameters.WidenOrFill(weights.UpBias, 0f, UpBias, Hidden.Width);
        Parameters.WidenOrFill(weights.GateBias, 0f, GateBias, Hidden.Width);
        Parameters.WidenOrFill(weights.DownBias, 0f, DownBias, Output.Width);
        Parameters.WidenOrFill(weights.NormGain, 1f, NormGain, Output.Width);
        Parameters.WidenOrFill(weights.NormBias, 0f, NormBias, Output.Width);
    }
}

using System.Text.Json;

namespace LongSeqKernels.Models;

/// <summary>
/// The architecture of a VISTA model (arXiv 2510.22049): a summariser turns a history into a fixed number of tokens, candidates attend to them. Immutable; it is stored
/// with the weights. Every choice that the paper leaves open is a member here, with its most likely reading as the default.
/// </summary>
public sealed record VistaConfig : ModelConfig
{
    /// <summary>How a history becomes a summary.</summary>
    public SummariserKind Summariser { get; init; }

    /// <summary>Layers of the summariser; <see cref="SummariserKind.NewestEvents"/> must have 1.</summary>
    public int Layers { get; init; } = 3;

    /// <summary>Tokens of a summary: learned seeds or prototypes, or the number of newest events; usually 16 to 1024.</summary>
    public int Seeds { get; init; } = 128;

    /// <summary>
    /// Tokens of the newest events that a summary has behind its learned ones, as they are; 0 for none. A history of fewer events has fewer. What was just done is kept
    /// whole, what was done long ago as a summary.
    /// </summary>
    public int NewestTokens { get; init; }

    /// <summary>What time gaps are counted to.</summary>
    public TimeReference TimeReference { get; init; } = TimeReference.NewestEvent;

    /// <summary>phi1 of quasi-linear attention, on queries and keys.</summary>
    public LinearActivation RowActivation { get; init; } = LinearActivation.Silu;

    /// <summary>phi2 of quasi-linear attention, on the scaled state.</summary>
    public LinearActivation StateActivation { get; init; } = LinearActivation.Silu;

    /// <summary>Factor of the state of quasi-linear attention.</summary>
    public StateScale StateScale { get; init; }

    /// <summary>Layer norm on the result of a quasi-linear attention.</summary>
    public bool AttentionLayerNorm { get; init; } = true;

    /// <summary>What that result is added to.</summary>
    public ResidualSource Residual { get; init; }

    /// <summary>A gated FFN with norm and residual after every quasi-linear attention (the SGLU of the paper's stack).</summary>
    public bool GatedFfn { get; init; } = true;

    /// <summary>Whether history rows attend to the seeds too; if not, the seeds alone read what they wrote.</summary>
    public bool SeedsVisible { get; init; } = true;

    /// <summary>What a sketch sums.</summary>
    public SketchValues SketchValues { get; init; }

    /// <summary>Whether a sketch's rows are divided by the mass of tokens they received.</summary>
    public SlotNormalization SketchNormalization { get; init; }

    /// <summary>Self-attention layers of the candidate stage, before its one target attention layer; 0 or more.</summary>
    public int CandidateLayers { get; init; } = 2;

    /// <summary>What turns logits into weights in the candidate stage: softmax or SiLU.</summary>
    public AttentionScore Score { get; init; }

    /// <summary>Layer norm on the candidates' last rows.</summary>
    public bool OutputLayerNorm { get; init; } = true;

    /// <summary>Weight of the reconstruction loss, 1 in the paper's public runs; 0 for none, and no decoder.</summary>
    public float ReconstructionWeight { get; init; }

    /// <summary>The most recent events that are reconstructed from the summary and the events between.</summary>
    public int ReconstructionEvents { get; init; } = 64;

    /// <summary>Whether the reconstruction loss trains the embeddings of what it predicts.</summary>
    public ReconstructionTargets ReconstructionTargets { get; init; }

    /// <inheritdoc/>
    public override string Summary => $"{Summariser} summariser, {Seeds} tokens{(NewestTokens == 0 ? "" : $" and {NewestTokens} newest events")}, {Layers} + {CandidateLayers + 1} layers, width {Width}, {Heads} head{(Heads == 1 ? "" : "s")}";

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Check.Defined(Summariser);
        Check.Width(Layers);
        if (Summariser == SummariserKind.NewestEvents && Layers != 1)
        {
            throw Error.Range(nameof(Layers), Layers, $"1 for the summariser {Summariser}, which has nothing to stack");
        }
        Check.Width(Seeds);
        if (NewestTokens is < 0 or > Check.MaxWidth)
        {
            throw Error.Range(nameof(NewestTokens), NewestTokens, $"from 0 to {Check.MaxWidth}");
        }
        if (Summariser == SummariserKind.NewestEvents && NewestTokens != 0)
        {
            throw Error.Range(nameof(NewestTokens), NewestTokens, $"0 for the summariser {Summariser}, whose tokens all are newest events: {nameof(Seeds)} is their number");
        }
        Check.Defined(TimeReference);
        Check.Defined(RowActivation);
        Check.Defined(StateActivation);
        Check.Defined(StateScale);
        Check.Defined(Residual);
        Check.Defined(SketchValues);
        Check.Defined(SketchNormalization);
        if (CandidateLayers is < 0 or > Check.MaxWidth)
        {
            throw Error.Range(nameof(CandidateLayers), CandidateLayers, $"from 0 to {Check.MaxWidth}");
        }
        if (Score is not (AttentionScore.Softmax or AttentionScore.Silu))
        {
            throw Error.Invalid(nameof(Score), Score.ToString(), $"{AttentionScore.Softmax} or {AttentionScore.Silu}");
        }
        Check.FiniteNotNegative(ReconstructionWeight);
        Check.Width(ReconstructionEvents);
        Check.Defined(ReconstructionTargets);
    }

    /// <inheritdoc/>
    public override string ToJson() => JsonSerializer.Serialize(this, ModelJson.Vista);

    /// <summary>Reads a configuration that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The text is not JSON, has an unknown or ill-typed member, or says something that <see cref="Validate"/> rejects.</exception>
    public static VistaConfig FromJson(string json) => FromJson(json, ModelJson.Vista);
}

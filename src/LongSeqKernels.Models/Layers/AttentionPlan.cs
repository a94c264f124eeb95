namespace LongSeqKernels.Models;

/// <summary>How the attention of all layers runs over one batch: its form and the core's plan. A pure function of shape and configuration.</summary>
internal sealed class AttentionPlan
{
    // Typical of two cores. Fixed, not measured, so that the same batch runs in the same form everywhere and a run can be repeated to the bit.
    private static readonly MachineRates Rates = new(4e11, 3e10);

    private AttentionPlan(AttentionForm form, CrossAttentionPlan core, LengthScale? lengthScale)
    {
        Form = form;
        Core = core;
        LengthScale = lengthScale;
    }

    /// <summary>Absorbed or projected.</summary>
    public AttentionForm Form { get; }

    /// <summary>The plan that all layers run.</summary>
    public CrossAttentionPlan Core { get; }

    /// <summary>Factors of the queries, by the events that each target sees; null for none.</summary>
    public LengthScale? LengthScale { get; }

    /// <summary>Targets T of the batch.</summary>
    public int Targets => checked((int)Core.Shape.Targets.Total);

    /// <summary>History events L of the batch.</summary>
    public long Events => Core.Shape.History.Total;

    /// <summary>Decides on form and execution.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="config">Width and heads.</param>
    /// <param name="form">The form, or <see cref="AttentionForm.Auto"/> for the cheaper one.</param>
    /// <param name="score">What turns logits into weights.</param>
    /// <param name="targets">Query rows per segment.</param>
    /// <param name="history">History rows per segment.</param>
    /// <param name="limits">How many of its segment's first rows each target sees <c>[T]</c>; empty for all.</param>
    /// <param name="encoding">Of history rows that are decoded as they are read, absorbed form only; null for fp32 rows.</param>
    /// <param name="logits">Whether logits grow with the history.</param>
    public static AttentionPlan Make(
        LongSeqContext context,
        ModelConfig config,
        AttentionForm form,
        AttentionScore score,
        JaggedLayout targets,
        JaggedLayout history,
        ReadOnlyMemory<long> limits = default,
        SummaryEncoding? encoding = null,
        LogitScale logits = LogitScale.Constant)
    {
        AttentionForm chosen = form == AttentionForm.Auto ? Cheaper(config, targets, history) : form;
        bool absorbed = chosen == AttentionForm.Absorbed;
        CrossAttentionPlan core = CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = targets,
            History = history,
            Heads = config.Heads,
            HeadWidth = absorbed ? config.Width : config.HeadWidth,
            Form = absorbed ? HistoryForm.Shared : HistoryForm.Projected,
            HistoryLimits = limits,
            HistoryEncoding = encoding,
        }, new CrossAttentionOptions { Scale = 1 / MathF.Sqrt(config.HeadWidth), Score = score });
        return new AttentionPlan(chosen, core, logits == LogitScale.LogLength ? new LengthScale(core.Shape) : null);
    }

    /// <summary>The cheaper form of a shape.</summary>
    public static AttentionForm Cheaper(ModelConfig config, JaggedLayout targets, JaggedLayout history)
    {
        FormulationChoice choice = FormulationChooser.Choose(
            new FormulationProblem { Targets = targets, History = history, ModelWidth = config.Width, Heads = config.Heads }, Rates);
        return choice.Formulation == AttentionFormulation.Absorbed ? AttentionForm.Absorbed : AttentionForm.Projected;
    }
}

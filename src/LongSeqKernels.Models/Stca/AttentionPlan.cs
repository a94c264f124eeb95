namespace LongSeqKernels.Models;

/// <summary>How the attention of all layers runs over one batch: its form and the core's plan. A pure function of shape and configuration.</summary>
internal sealed class AttentionPlan
{
    // Typical of two cores. Fixed, not measured, so that the same batch runs in the same form everywhere and a run can be repeated to the bit.
    private static readonly MachineRates Rates = new(4e11, 3e10);

    private AttentionPlan(AttentionForm form, CrossAttentionPlan core)
    {
        Form = form;
        Core = core;
    }

    /// <summary>Absorbed or projected.</summary>
    public AttentionForm Form { get; }

    /// <summary>The plan that all layers run.</summary>
    public CrossAttentionPlan Core { get; }

    /// <summary>Targets T of the batch.</summary>
    public int Targets => checked((int)Core.Shape.Targets.Total);

    /// <summary>History events L of the batch.</summary>
    public long Events => Core.Shape.History.Total;

    /// <summary>Decides on form and execution.</summary>
    public static AttentionPlan Make(LongSeqContext context, StcaConfig config, RequestBatch batch) =>
        Make(context, config, batch, config.Attention == AttentionForm.Auto ? Cheaper(config, batch) : config.Attention);

    /// <summary>Decides on execution alone.</summary>
    public static AttentionPlan Make(LongSeqContext context, StcaConfig config, RequestBatch batch, AttentionForm form)
    {
        bool absorbed = form == AttentionForm.Absorbed;
        CrossAttentionPlan core = CrossAttention.Plan(context, new CrossAttentionShape
        {
            Targets = batch.Targets,
            History = batch.History,
            Heads = config.Heads,
            HeadWidth = absorbed ? config.Width : config.HeadWidth,
            Form = absorbed ? HistoryForm.Shared : HistoryForm.Projected,
            HistoryLimits = batch.HistoryLimits,
        }, new CrossAttentionOptions { Scale = 1 / MathF.Sqrt(config.HeadWidth), Score = config.Score });
        return new AttentionPlan(form, core);
    }

    private static AttentionForm Cheaper(StcaConfig config, RequestBatch batch)
    {
        FormulationChoice choice = FormulationChooser.Choose(
            new FormulationProblem { Targets = batch.Targets, History = batch.History, ModelWidth = config.Width, Heads = config.Heads }, Rates);
        return choice.Formulation == AttentionFormulation.Absorbed ? AttentionForm.Absorbed : AttentionForm.Projected;
    }
}

namespace LongSeqKernels.Models;

/// <summary>How the attention of all layers runs over one batch: its form and the core's plan. A pure function of shape and configuration.</summary>
internal sealed class AttentionPlan
{
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
        Make(context, config, batch, config.Attention == AttentionForm.Auto ? Cheaper(config, batch.History, batch.Targets) : config.Attention);

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

    // Multiply-adds that depend on the history's length: absorbed L D H per target, projected L D^2 per segment and L D per target.
    private static AttentionForm Cheaper(StcaConfig config, JaggedLayout history, JaggedLayout targets)
    {
        double absorbed = 0;
        double projected = 0;
        for (int segment = 0; segment < history.Count; segment++)
        {
            double events = history.Length(segment);
            absorbed += events * config.Width * config.Heads * targets.Length(segment);
            projected += events * config.Width * (config.Width + targets.Length(segment));
        }
        return absorbed <= projected ? AttentionForm.Absorbed : AttentionForm.Projected;
    }
}

using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The options that shape a model.</summary>
internal sealed class ModelOptions
{
    private readonly Option<int> _width = OptionOf.Integer("--width", "Model width D", 64, 1, 1024);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads, a divisor of the width", 2, 1, 256);
    private readonly Option<int> _layers = OptionOf.Integer("--layers", "Stacked cross-attention layers", 2, 1, 64);
    private readonly Option<int> _expansion = OptionOf.Integer("--expansion", "Hidden width of the gated FFNs over the model width", 2, 1, 16);
    private readonly Option<NumberList> _scorer = OptionOf.Integers("--scorer-widths", "Hidden layers of the scorer", [64], 1, 65536);
    private readonly Option<Choice<HistoryEncoders>> _encoders = OptionOf.OneOf("--encoders", "History encoders: one in each layer or one for all", HistoryEncoders.PerLayer, ("per-layer", HistoryEncoders.PerLayer), ("shared", HistoryEncoders.Shared));
    private readonly Option<Choice<AttentionForm>> _attention = OptionOf.OneOf("--attention", "Which of the two equal forms of the attention runs", AttentionForm.Auto, ("auto", AttentionForm.Auto), ("absorbed", AttentionForm.Absorbed), ("projected", AttentionForm.Projected));
    private readonly Option<bool> _noPopularity = OptionOf.Flag("--no-popularity", "Do not show the model how popular a target is with other users");
    private readonly Option<bool> _noTimeGaps = OptionOf.Flag("--no-time-gaps", "Do not show the model how long ago an event was");

    public ModelOptions(Command command)
    {
        All = [_width, _heads, _layers, _expansion, _scorer, _encoders, _attention, _noPopularity, _noTimeGaps];
        foreach (Option option in All)
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<Option> All { get; }

    /// <summary>Whether batches carry the popularity of targets.</summary>
    public BatchContent Content(Invocation invocation) =>
        invocation.Get(_noPopularity) ? BatchContent.Labels : BatchContent.Labels | BatchContent.Popularity;

    /// <summary>The configuration of a model for a log.</summary>
    public StcaConfig Config(Invocation invocation, InteractionLog log, long seed)
    {
        int width = invocation.Get(_width);
        int heads = invocation.Get(_heads);
        if (width % heads != 0)
        {
            throw Failure.Usage($"--heads is {heads}; it must be a divisor of --width ({width}).");
        }
        var config = new StcaConfig
        {
            Items = log.ItemCount,
            Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
            Actions = log.ActionCount,
            Width = width,
            Heads = heads,
            Layers = invocation.Get(_layers),
            FfnExpansion = invocation.Get(_expansion),
            ScorerWidths = invocation.Get(_scorer).Values,
            ContextWidth = Content(invocation).HasFlag(BatchContent.Popularity) ? 1 : 0,
            HistoryEncoders = invocation.Get(_encoders).Value,
            Attention = invocation.Get(_attention).Value,
            Seed = seed,
        };
        return invocation.Get(_noTimeGaps) ? config with { TimeGaps = null } : config;
    }
}

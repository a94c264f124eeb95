using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The kinds of model that can be trained.</summary>
internal enum ModelChoice
{
    /// <summary>Stacked target-to-history cross attention.</summary>
    Stca,

    /// <summary>A summary of the history, made once, that candidates attend to.</summary>
    Vista,

    /// <summary>The mean of the history's tokens.</summary>
    MeanPooling,
}

/// <summary>The options that shape a model.</summary>
internal sealed class ModelOptions
{
    private readonly Option<Choice<ModelChoice>> _kind = OptionOf.OneOf("--model", "What is trained: stacked cross attention, attention to a summary of the history, or the baseline that scores with the mean of its tokens", ModelChoice.Stca, ("stca", ModelChoice.Stca), ("vista", ModelChoice.Vista), ("mean-pooling", ModelChoice.MeanPooling));
    private readonly Option<int> _width = OptionOf.Integer("--width", "Model width D", 64, 1, 1024);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads, a divisor of the width", 2, 1, 256);
    private readonly Option<int> _layers = OptionOf.Integer("--layers", "Stacked cross-attention layers", 2, 1, 64);
    private readonly Option<int> _expansion = OptionOf.Integer("--expansion", "Hidden width of the gated FFNs over the model width", 2, 1, 16);
    private readonly Option<NumberList> _scorer = OptionOf.Integers("--scorer-widths", "Hidden layers of the scorer", [64], 1, 65536);
    private readonly Option<Choice<HistoryEncoders>> _encoders = OptionOf.OneOf("--encoders", "History encoders: one in each layer or one for all", HistoryEncoders.PerLayer, ("per-layer", HistoryEncoders.PerLayer), ("shared", HistoryEncoders.Shared));
    private readonly Option<Choice<AttentionForm>> _attention = OptionOf.OneOf("--attention", "Which of the two equal forms of the attention runs", AttentionForm.Auto, ("auto", AttentionForm.Auto), ("absorbed", AttentionForm.Absorbed), ("projected", AttentionForm.Projected));
    private readonly Option<Choice<LogitScale>> _logitScale = NewLogitScale();
    private readonly Option<bool> _noPopularity = OptionOf.Flag("--no-popularity", "Do not show the model how popular a target is with other users");
    private readonly Option<bool> _noTimeGaps = OptionOf.Flag("--no-time-gaps", "Do not show the model how long ago an event was");

    private readonly Option<Choice<SummariserKind>> _summariser = OptionOf.OneOf("--summariser", "VISTA: how a history becomes a summary", SummariserKind.QuasiLinear, [.. VistaModelOptions.Summarisers.Select(kind => (kind.Name, kind.Value))]);
    private readonly Option<int> _tokens = OptionOf.Integer("--tokens", "VISTA: tokens of a summary", 128, 1, 4096);
    private readonly VistaModelOptions _vista;

    public ModelOptions(Command command)
    {
        Option[] own = [_kind, _width, _heads, _layers, _expansion, _scorer, _encoders, _attention, _logitScale, _noPopularity, _noTimeGaps, _summariser, _tokens];
        foreach (Option option in own)
        {
            command.Add(option);
        }
        _vista = new VistaModelOptions(command);
        All = [.. own, .. _vista.All];
    }

    public IReadOnlyList<Option> All { get; }

    public static Option<Choice<LogitScale>> NewLogitScale() => OptionOf.OneOf(
        "--logit-scale", "STCA: whether the logits of the attention grow with the logarithm of the history's length, so that a match stands out in long histories as in short ones",
        LogitScale.Constant, ("constant", LogitScale.Constant), ("log-length", LogitScale.LogLength));

    /// <summary>What training batches of a model carry: labels, and the popularity of targets where the model reads it.</summary>
    public static BatchContent Content(ModelConfig config) => config.ContextWidth > 0 ? BatchContent.Labels | BatchContent.Popularity : BatchContent.Labels;

    /// <summary>A new model for a log.</summary>
    public RankingModel Create(Invocation invocation, InteractionLog log, long seed)
    {
        ModelChoice kind = invocation.Get(_kind).Value;
        Option[] vista = [_summariser, _tokens, .. _vista.All];
        Option[] foreign = kind switch
        {
            ModelChoice.Stca => vista,
            ModelChoice.Vista => [_encoders, _attention, _logitScale],
            _ => [_heads, _layers, _expansion, _encoders, _attention, _logitScale, .. vista],
        };
        string[] given = [.. foreign.Where(invocation.IsGiven).Select(option => option.Name)];
        if (given.Length > 0)
        {
            throw Failure.Usage($"{string.Join(", ", given)} cannot be given with --model {invocation.Get(_kind)}, which has no use for it.");
        }
        return kind switch
        {
            ModelChoice.Stca => StcaModel.Create(Stca(invocation, log, seed), log.ItemCategories),
            ModelChoice.Vista => VistaModel.Create(_vista.Config(invocation, Stca(invocation, log, seed), invocation.Get(_summariser).Value, invocation.Get(_tokens)), log.ItemCategories),
            _ => MeanPoolingModel.Create(MeanPooling(invocation, log, seed), log.ItemCategories),
        };
    }

    private MeanPoolingConfig MeanPooling(Invocation invocation, InteractionLog log, long seed) => new()
    {
        Items = log.ItemCount,
        Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
        Actions = log.ActionCount,
        TimeGaps = TimeGaps(invocation),
        Width = invocation.Get(_width),
        Heads = 1,
        ScorerWidths = invocation.Get(_scorer).Values,
        ContextWidth = invocation.Get(_noPopularity) ? 0 : 1,
        Seed = seed,
    };

    private TimeBuckets? TimeGaps(Invocation invocation) => invocation.Get(_noTimeGaps) ? null : new TimeBuckets(48);

    private StcaConfig Stca(Invocation invocation, InteractionLog log, long seed)
    {
        int width = invocation.Get(_width);
        int heads = invocation.Get(_heads);
        if (width % heads != 0)
        {
            throw Failure.Usage($"--heads is {heads}; it must be a divisor of --width ({width}).");
        }
        return new StcaConfig
        {
            Items = log.ItemCount,
            Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
            Actions = log.ActionCount,
            TimeGaps = TimeGaps(invocation),
            Width = width,
            Heads = heads,
            Layers = invocation.Get(_layers),
            FfnExpansion = invocation.Get(_expansion),
            ScorerWidths = invocation.Get(_scorer).Values,
            ContextWidth = invocation.Get(_noPopularity) ? 0 : 1,
            HistoryEncoders = invocation.Get(_encoders).Value,
            Attention = invocation.Get(_attention).Value,
            LogitScale = invocation.Get(_logitScale).Value,
            Seed = seed,
        };
    }
}

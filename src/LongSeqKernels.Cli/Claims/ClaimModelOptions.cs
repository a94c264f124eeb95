using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The options of claims that train STCA models: their shape, and the budget.</summary>
internal sealed class ClaimModelOptions
{
    private readonly Option<long> _steps;
    private readonly Option<double> _rate = OptionOf.Real("--learning-rate", "Peak of the learning rate", 3e-3, 1e-9, 10);
    private readonly Option<int> _negatives = OptionOf.Integer("--train-negatives", "Items per training request that the user did not choose", 20, 1, 10_000);
    private readonly Option<int> _minHistory = OptionOf.Integer("--train-min-history", "Events before a training request; default: a quarter of what a test request has", null, 0);
    private readonly Option<Choice<UserWeight>> _userWeight = TrainingSettings.NewUserWeight();
    private readonly Option<Choice<LogitScale>> _logitScale = ModelOptions.NewLogitScale();
    private readonly Option<int>? _width;
    private readonly Option<int>? _layers;
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads, a divisor of the width", 2, 1, 256);

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="steps">Default of the steps.</param>
    /// <param name="shape">Whether the command takes one width and number of layers.</param>
    public ClaimModelOptions(Command command, long steps, ModelShape shape = ModelShape.One)
    {
        _steps = OptionOf.Long("--steps", "Training steps of each model", steps, 1);
        command.Add(_steps);
        command.Add(_rate);
        command.Add(_negatives);
        command.Add(_minHistory);
        command.Add(_userWeight);
        if (shape == ModelShape.One)
        {
            _width = OptionOf.Integer("--width", "Model width D", 64, 1, 1024);
            _layers = OptionOf.Integer("--layers", "Stacked cross-attention layers", 2, 1, 64);
            command.Add(_width);
            command.Add(_layers);
        }
        command.Add(_heads);
        command.Add(_logitScale);
    }

    public int Width(Invocation invocation) => invocation.Get(_width!);

    /// <summary>How batches of these windows are drawn.</summary>
    public RequestSamplerOptions Sampling(Invocation invocation, SuffixLengths windows, int eventsPerBatch, long seed, int requestsPerSegment = 4) => new()
    {
        Seed = seed,
        Windows = windows,
        EventsPerBatch = eventsPerBatch,
        RequestsPerSegment = requestsPerSegment,
        UserWeight = invocation.Get(_userWeight).Value,
        Negatives = invocation.Get(_negatives),
    };

    /// <summary>The budget in words.</summary>
    public string Budget(Invocation invocation) =>
        $"{Format.Count(invocation.Get(_steps), "step")} per model, peak learning rate {invocation.Get(_rate)}, users drawn by {(invocation.Get(_userWeight).Value == UserWeight.Equal ? "equal weights" : "their positions")}, {invocation.Get(_negatives)} negatives per training request.";

    public void Check(Invocation invocation)
    {
        if (_width is not null)
        {
            Check(invocation, invocation.Get(_width));
        }
    }

    /// <summary>Checks that the heads divide a width.</summary>
    public void Check(Invocation invocation, int width)
    {
        if (width % invocation.Get(_heads) != 0)
        {
            throw Failure.Usage($"--heads is {invocation.Get(_heads)}; it must be a divisor of the width ({width}).");
        }
    }

    public RequestProtocol Protocol(Invocation invocation, InteractionLog log)
    {
        RequestProtocol protocol = RequestProtocol.For(log);
        return protocol with { TrainMinHistory = invocation.IsGiven(_minHistory) ? invocation.Get(_minHistory) : protocol.MinHistory / 4 };
    }

    public TrainingPlan Plan(Invocation invocation, InteractionLog log, RequestProtocol protocol, RequestSamplerOptions sampling, long seed) =>
        Plan(invocation, () => Model(invocation, log, seed), protocol, sampling);

    public TrainingPlan Plan(Invocation invocation, Func<RankingModel> create, RequestProtocol protocol, RequestSamplerOptions sampling)
    {
        long steps = invocation.Get(_steps);
        var rate = new LearningRate(invocation.Get(_rate), Math.Min(50, steps), steps);
        return new TrainingPlan(create, protocol, sampling, new TrainingOptions { LearningRate = rate, Loss = TrainingLoss.SampledSoftmax });
    }

    /// <summary>An STCA model of the shape that the options say.</summary>
    public StcaModel Model(Invocation invocation, InteractionLog log, long seed) => Model(invocation, log, invocation.Get(_width!), invocation.Get(_layers!), seed);

    /// <summary>An STCA model of a shape.</summary>
    public StcaModel Model(Invocation invocation, InteractionLog log, int width, int layers, long seed) => StcaModel.Create(new StcaConfig
    {
        Items = log.ItemCount,
        Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
        Actions = log.ActionCount,
        Width = width,
        Heads = invocation.Get(_heads),
        Layers = layers,
        LogitScale = invocation.Get(_logitScale).Value,
        ContextWidth = 1,
        Seed = seed,
    }, log.ItemCategories);
}

/// <summary>Whether a claim is about one shape of model or about many.</summary>
internal enum ModelShape
{
    /// <summary>Width and layers are options.</summary>
    One,

    /// <summary>The claim sets them.</summary>
    Many,
}

/// <summary>The options of claims that rank test requests.</summary>
internal sealed class ClaimEvaluationOptions
{
    private readonly Option<WindowList> _windows;
    private readonly Option<int> _perUser = OptionOf.Integer("--per-user", "Most test requests of one user", 20);
    private readonly Option<int> _users = OptionOf.Integer("--users", "Most test users, those with the longest histories; default: all", null, 2);

    public ClaimEvaluationOptions(Command command, int[] windows)
    {
        _windows = WindowList.Option(windows);
        command.Add(_windows);
        command.Add(_perUser);
        command.Add(_users);
    }

    /// <summary>Ranks the same requests with all models.</summary>
    /// <param name="run">The claim's run.</param>
    /// <param name="models">The models, the reference first.</param>
    /// <param name="protocol">How requests are made.</param>
    /// <param name="seed">Seed of the requests.</param>
    /// <param name="more">Adds windows that the claim needs; may be null.</param>
    public EvaluationReport Run(ClaimRun run, IReadOnlyList<NamedModel> models, RequestProtocol protocol, long seed, Func<int[], int[]>? more = null)
    {
        int[] windows = run.Invocation.Get(_windows).Values;
        int[] all = [.. (more?.Invoke(windows) ?? windows).Append(RequestBatches.AllEvents).Distinct().Order()];
        var evaluation = new EvaluationRun(all, run.Invocation.Get(_perUser), seed, Baselines.None)
        {
            Users = run.Invocation.IsGiven(_users) ? run.Invocation.Get(_users) : int.MaxValue,
        };
        return evaluation.Run(run.Terminal, run.Context, models, run.Log, protocol, run.Interruption);
    }
}

using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The options of how requests are made of a log, how batches are drawn and how a model is trained.</summary>
internal sealed class TrainingSettings
{
    private readonly Option<long> _steps = OptionOf.Long("--steps", "Training steps", 2000, 1);
    private readonly Option<double> _rate = OptionOf.Real("--learning-rate", "Peak of the learning rate, after a linear warm-up and before half a cosine", 3e-3, 1e-9, 10);
    private readonly Option<long> _warmup = OptionOf.Long("--warmup", "Steps of the warm-up", 50);
    private readonly Option<double> _decay = OptionOf.Real("--weight-decay", "Weight decay of matrices", 0.01, 0, 1);
    private readonly Option<double> _clip = OptionOf.Real("--clip", "Largest norm of the gradient, 0 for no limit", 1, 0, 1e9);
    private readonly Option<Choice<TrainingLoss>> _loss = OptionOf.OneOf("--loss", "What is minimised, over the targets of a request", TrainingLoss.SampledSoftmax, ("bce", TrainingLoss.BinaryCrossEntropy), ("sampled-softmax", TrainingLoss.SampledSoftmax));
    private readonly Option<long> _seed = OptionOf.Long("--seed", "Seed of initial weights and batches: the same seed gives the same files", 1);
    private readonly Option<int> _window = OptionOf.Integer("--max-window", "Longest history that training reads, newest events first; a multiple of 8", 512, 8);
    private readonly Option<int> _minWindow = OptionOf.Integer("--min-window", "Shortest one; lengths between are drawn from a U-shaped Beta distribution", 16, 8);
    private readonly Option<int> _events = OptionOf.Integer("--batch-events", "History events per step", 4096, 8);
    private readonly Option<int> _requests = OptionOf.Integer("--requests-per-user", "Requests of one user that share a history in a step", 4, 1, 1024);
    private readonly Option<Choice<UserWeight>> _userWeight = NewUserWeight();
    private readonly Option<int> _negatives = OptionOf.Integer("--negatives", "Items per test request that the user did not choose", 50, 1, 10_000);
    private readonly Option<int> _trainNegatives = OptionOf.Integer("--train-negatives", "Items per training request that the user did not choose; fewer make a step cheaper", 20, 1, 10_000);
    private readonly Option<int> _minHistory = OptionOf.Integer("--min-history", "Events before a test request; default: a quarter of the longest history, at most 2000", null, 0);
    private readonly Option<int> _trainMinHistory = OptionOf.Integer("--train-min-history", "Events before a training request; default: 50, or --min-history if smaller", null, 0);
    private readonly Option<double> _share = OptionOf.Real("--train-share", "Share of every user's history to learn from; the rest is for 'lsk evaluate'", 0.7, 0.01, 0.99);

    public TrainingSettings(Command command)
    {
        All = [_steps, _rate, _warmup, _decay, _clip, _loss, _seed, _window, _minWindow, _events, _requests, _userWeight, _negatives, _trainNegatives, _minHistory, _trainMinHistory, _share];
        foreach (Option option in All)
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<Option> All { get; }

    /// <summary>The option <c>--user-weight</c>, which the claims have too.</summary>
    public static Option<Choice<UserWeight>> NewUserWeight() => OptionOf.OneOf(
        "--user-weight", "How often a user's requests are drawn: all users the same, or in proportion to their training positions", UserWeight.Equal, ("equal", UserWeight.Equal), ("positions", UserWeight.ByPositions));

    public long Seed(Invocation invocation) => invocation.Get(_seed);

    public RequestProtocol Protocol(Invocation invocation, InteractionLog log)
    {
        RequestProtocol protocol = RequestProtocol.For(log) with { Negatives = invocation.Get(_negatives), TrainShare = invocation.Get(_share) };
        if (invocation.IsGiven(_minHistory))
        {
            int minimum = invocation.Get(_minHistory);
            protocol = protocol with { MinHistory = minimum, MinTestUserEvents = minimum + (minimum / 4), TrainMinHistory = Math.Min(protocol.TrainMinHistory, minimum) };
        }
        return invocation.IsGiven(_trainMinHistory) ? protocol with { TrainMinHistory = invocation.Get(_trainMinHistory) } : protocol;
    }

    public RequestSamplerOptions Sampling(Invocation invocation, BatchContent content)
    {
        int minimum = invocation.Get(_minWindow);
        int maximum = invocation.Get(_window);
        if (minimum % SuffixLengths.Granularity != 0 || maximum % SuffixLengths.Granularity != 0 || minimum > maximum)
        {
            throw Failure.Usage($"--min-window is {minimum} and --max-window {maximum}; they must be multiples of {SuffixLengths.Granularity}, the first not above the second.");
        }
        if (invocation.Get(_events) < minimum)
        {
            throw Failure.Usage($"--batch-events is {invocation.Get(_events)}; it must be --min-window ({minimum}) or more.");
        }
        return new RequestSamplerOptions
        {
            Seed = Seed(invocation),
            Windows = new SuffixLengths(minimum, maximum),
            EventsPerBatch = invocation.Get(_events),
            RequestsPerSegment = invocation.Get(_requests),
            UserWeight = invocation.Get(_userWeight).Value,
            Negatives = invocation.Get(_trainNegatives),
            Content = content,
        };
    }

    public TrainingOptions Training(Invocation invocation) => new()
    {
        LearningRate = new LearningRate(invocation.Get(_rate), Math.Min(invocation.Get(_warmup), invocation.Get(_steps)), invocation.Get(_steps)),
        Loss = invocation.Get(_loss).Value,
        Optimiser = new AdamWOptions { WeightDecay = (float)invocation.Get(_decay) },
        ClipNorm = invocation.Get(_clip),
    };
}

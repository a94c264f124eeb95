using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What scoring one list of candidates took.</summary>
/// <param name="History">Events of the history.</param>
/// <param name="Summarise">Making the summary, in seconds.</param>
/// <param name="Summary">Scoring from the stored summary.</param>
/// <param name="Raw">Encoding the history and scoring from it with STCA; null where the history was too long for that.</param>
internal sealed record ScoringTime(int History, double Summarise, Latency Summary, Latency? Raw);

/// <summary><c>lsk evaluate scoring-time</c>: time to score candidates from a stored summary and from the raw history, by the length of the history.</summary>
internal sealed class ScoringTimeCommand : ClaimCommand
{
    private const double Bar = 0.1;

    private readonly Option<NumberList> _lengths = OptionOf.Integers("--lengths", "Events of the history", [1000, 10_000, 100_000, 1_000_000], 1, 100_000_000);
    private readonly Option<int> _rawLimit = OptionOf.Integer("--raw-limit", "Longest history that STCA reads raw", 100_000);
    private readonly Option<int> _candidates = OptionOf.Integer("--candidates", "Candidates of a request", 300);
    private readonly Option<int> _tokens = OptionOf.Integer("--tokens", "Tokens of a summary", 128, 1, 4096);
    private readonly Option<int> _repeat = OptionOf.Integer("--repeat", "How often each summary is scored, after as many runs to warm up; raw histories a tenth of that", 200);
    private readonly Option<int> _width = OptionOf.Integer("--width", "Model width D", 64, 1, 1024);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads, a divisor of the width", 2, 1, 256);
    private readonly Option<int> _layers = OptionOf.Integer("--layers", "Layers of STCA, and of the summariser", 2, 1, 64);
    private readonly VistaModelOptions _vista;

    public ScoringTimeCommand(CommandHost host)
        : base("scoring-time", "Claim: scoring from a stored summary takes the same time whatever the length of the history", host)
    {
        foreach (Option option in (Option[])[_lengths, _rawLimit, _candidates, _tokens, _repeat, _width, _heads, _layers])
        {
            Add(option);
        }
        _vista = new VistaModelOptions(this);
        Add(Seed);
    }

    public override string Details =>
        """
        Nothing is trained: initial weights take as long as others. Histories are the events of the log's longest history, repeated where it is shorter; summaries are stored as
        int8 and decoded for every request. Run it on a quiet machine.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate scoring-time log.lsklog", "lsk evaluate scoring-time log.lsklog --tokens 256 --candidates 100"];

    protected override void CheckOptions(Invocation invocation)
    {
        if (invocation.Get(_width) % invocation.Get(_heads) != 0)
        {
            throw Failure.Usage($"--heads is {invocation.Get(_heads)}; it must be a divisor of the width ({invocation.Get(_width)}).");
        }
    }

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        int[] lengths = [.. run.Invocation.Get(_lengths).Values.Distinct().Order()];
        StcaConfig config = new()
        {
            Items = run.Log.ItemCount,
            Categories = run.Log.ItemCategories.IsEmpty ? 0 : run.Log.CategoryCount,
            Actions = run.Log.ActionCount,
            Width = run.Invocation.Get(_width),
            Heads = run.Invocation.Get(_heads),
            Layers = run.Invocation.Get(_layers),
            Seed = run.Invocation.Get(Seed),
        };
        StcaModel stca = StcaModel.Create(config, run.Log.ItemCategories);
        VistaModel vista = VistaModel.Create(_vista.Config(run.Invocation, config, SummariserKind.QuasiLinear, run.Invocation.Get(_tokens)), run.Log.ItemCategories);
        var random = new RandomStream(run.Invocation.Get(Seed));
        int[] candidates = [.. Enumerable.Range(0, run.Invocation.Get(_candidates)).Select(_ => random.NextIndex(run.Log.ItemCount))];
        List<ScoringTime> times = run.Terminal.Track("Measuring", 2 * lengths.Length, "histories", sink =>
        {
            var summaries = new List<(UserSummary Summary, double Seconds)>();
            foreach (int length in lengths)
            {
                summaries.Add(Summarise(run, vista, length));
                sink.Report(summaries.Count, $"{Format.Count(length)} events summarised");
            }
            List<Latency> stored = Stored(run, vista, summaries, candidates);
            var measured = new List<ScoringTime>();
            foreach ((int index, int length) in lengths.Index())
            {
                measured.Add(new ScoringTime(length, summaries[index].Seconds, stored[index], length > run.Invocation.Get(_rawLimit) ? null : Raw(run, stca, length, candidates)));
                sink.Report(lengths.Length + measured.Count, $"{Format.Count(length)} events read raw");
            }
            return measured;
        });
        return Outcome(run, times, stca, vista);
    }

    private static (UserSummary Summary, double Seconds) Summarise(ClaimRun run, VistaModel vista, int length)
    {
        UserHistory history = History(run.Log, length, vista.Config.Actions > 1);
        long started = Stopwatch.GetTimestamp();
        UserSummary summary = new VistaSummariser(run.Context, vista).Summarise(history);
        return (summary, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Times all summaries in turn, so that what changes on the machine meanwhile, and the runtime's own getting faster, meets all of them.</summary>
    private List<Latency> Stored(ClaimRun run, VistaModel vista, List<(UserSummary Summary, double Seconds)> summaries, int[] candidates)
    {
        VistaScorer scorer = vista.CreateScorer(run.Context);
        var logits = new float[candidates.Length];
        List<List<double>> seconds = [.. summaries.Select(_ => new List<double>())];
        int repeat = run.Invocation.Get(_repeat);
        for (int round = -repeat; round < repeat; round++)
        {
            run.Interruption.ThrowIfCancellationRequested();
            for (int i = 0; i < summaries.Count; i++)
            {
                long started = Stopwatch.GetTimestamp();
                scorer.Score(summaries[i].Summary, candidates, default, logits);
                if (round >= 0)
                {
                    seconds[i].Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
                }
            }
        }
        return [.. seconds.Select(Latency.Of)];
    }

    private Latency Raw(ClaimRun run, StcaModel stca, int length, int[] candidates)
    {
        const int WarmUps = 3;
        UserHistory history = History(run.Log, length, stca.Config.Actions > 1);
        StcaScorer scorer = stca.CreateScorer(run.Context);
        var logits = new float[candidates.Length];
        var seconds = new List<double>();
        for (int i = -WarmUps; i < Math.Max(WarmUps, run.Invocation.Get(_repeat) / 10); i++)
        {
            run.Interruption.ThrowIfCancellationRequested();
            long started = Stopwatch.GetTimestamp();
            scorer.Score(history, candidates, default, logits);
            if (i >= 0)
            {
                seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }
        return Latency.Of(seconds);
    }

    private static UserHistory History(InteractionLog log, int length, bool actions)
    {
        int user = Enumerable.Range(0, log.Users.Count).MaxBy(log.Users.Length);
        int first = (int)log.Users.Start(user);
        int own = (int)log.Users.Length(user);
        int[] events = [.. Enumerable.Range(0, length).Select(i => first + (i % own))];
        // Times must grow: a repetition goes on where the one before it ended.
        long span = log.Times.Span[first + own - 1] - log.Times.Span[first] + 1;
        long[] times = [.. Enumerable.Range(0, length).Select(i => log.Times.Span[first + (i % own)] + (i / own * span))];
        return new UserHistory
        {
            Items = Array.ConvertAll(events, i => log.Items.Span[i]),
            Actions = actions ? Array.ConvertAll(events, i => log.Actions.Span[i]) : default,
            Times = times,
            RequestTime = times[^1] + 1,
        };
    }

    private static ClaimOutcome Outcome(ClaimRun run, List<ScoringTime> times, StcaModel stca, VistaModel vista)
    {
        var table = new ResultTable(">history", ">summarise", ">score, stored summary: median", ">90 %", ">over the shortest", ">raw history, STCA: median");
        foreach (ScoringTime time in times)
        {
            table.Row(
                Format.Count(time.History), Format.Time(time.Summarise), Format.Time(time.Summary.Median), Format.Time(time.Summary.P90),
                Format.Signed((time.Summary.Median / times[0].Summary.Median) - 1, 3), time.Raw is null ? "" : Format.Time(time.Raw.Median));
        }
        double slowest = times.Max(time => time.Summary.Median);
        double fastest = times.Min(time => time.Summary.Median);
        ScoringTime[] raw = [.. times.Where(time => time.Raw is not null)];
        var summary = new ChartSeries("stored summary", [.. times.Select(time => Logarithm(time.Summary))]);
        return new ClaimOutcome
        {
            Title = "Scoring time by history length",
            Conditions = $"STCA: {stca.Config.Summary}. VISTA: {vista.Config.Summary}; summaries stored as int8.",
            Table = table,
            Legend = "Times of one request of all candidates. Summarise: once per history, whatever the requests. Raw: the history is encoded and scored.",
            Findings =
            [
                new Finding(slowest / fastest <= 1 + Bar, $"From {Format.Count(times[0].History)} to {Format.Count(times[^1].History)} events the slowest median is {Format.Percent((slowest / fastest) - 1)} over the fastest (bar: {Format.Percent(Bar)})."),
                .. raw.TakeLast(1).Select(time => new Finding(null, $"At {Format.Count(time.History)} events the raw history takes {Format.Significant(time.Raw!.Median / time.Summary.Median)} times as long as the summary.")),
            ],
            Chart = new SeriesChart
            {
                Title = "Scoring time by history length",
                Subtitle = "median of one request; logarithm, so that a step of 1 is ten times as long",
                HorizontalLabel = "history length (events)",
                Ticks = [.. times.Select(time => Format.Count(time.History))],
                VerticalLabel = "log10 of milliseconds",
                Series = raw.Length == 0 ? [summary] : [summary, new ChartSeries("raw history, STCA", [.. raw.Select(time => Logarithm(time.Raw!))])],
                Source = run.Log.Source,
            }.ToSvg(),
            Times = times,
        };
    }

    private static Estimate Logarithm(Latency latency) => new(Math.Log10(1000 * latency.Median), 0);
}

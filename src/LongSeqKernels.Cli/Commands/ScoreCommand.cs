using System.CommandLine;
using System.Globalization;
using System.Text;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk score --json</c> prints.</summary>
internal sealed record ScoreDocument(string Command, string Log, string Model, string Backend, IReadOnlyList<UserScoreDocument> Users, ScoreLatencies Seconds);

/// <summary>One user's targets, best first.</summary>
internal sealed record UserScoreDocument(string User, int HistoryEvents, int Targets, IReadOnlyList<ItemScore> Best);

/// <summary>A scored item.</summary>
/// <param name="Item">Its name.</param>
/// <param name="Score">Its logit: higher is better.</param>
/// <param name="HistoryCount">How often it is in the history that was read.</param>
/// <param name="EventsAgo">How many events ago the user last touched it; null for never.</param>
internal sealed record ItemScore(string Item, float Score, int HistoryCount, int? EventsAgo);

/// <summary><c>lsk score</c>: scores targets against users' histories.</summary>
internal sealed class ScoreCommand : LskCommand
{
    private readonly Argument<string> _log = new("log") { Description = "The interaction log" };
    private readonly Argument<string> _model = new("model") { Description = "The model, trained on that log" };
    private readonly Option<string[]> _users = new("--user") { Description = "Users, by their names in the source; default: the user with the longest history", HelpName = "name", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _items = new("--item") { Description = "Targets, by their names in the source", HelpName = "name", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _itemFile = OptionOf.Text("--items", "A text file of targets, one name a line", "file");
    private readonly Option<int> _candidates = OptionOf.Integer("--candidates", "Without targets: this many items that are popular where the user was last active", 300, 1, 1_000_000);
    private readonly Option<int> _window = OptionOf.Integer("--window", "Most history events, newest first; default: all", null, 1);
    private readonly Option<int> _top = OptionOf.Integer("--top", "How many targets are shown, best first; 0 for all", 10, 0);
    private readonly Option<int> _repeat = OptionOf.Integer("--repeat", "How often a user is scored, for the latencies", 20, 1, 1_000_000);
    private readonly Option<string?> _output = OptionOf.Text("--out", "A TSV file for all scores: user, item, score", "file");
    private readonly Option<bool> _skipUnknown = OptionOf.Flag("--skip-unknown", "Leave out users and items that the log does not know instead of failing");
    private readonly Option<bool> _unseen = OptionOf.Flag("--unseen", "Leave out targets that are in the user's history");
    private readonly StoreOptions _store;
    private readonly ComputeOptions _compute;

    public ScoreCommand(CommandHost host)
        : base("score", "Score targets against the histories of users and measure the latency", host)
    {
        Add(_log);
        Add(_model);
        foreach (Option option in (Option[])[_users, _items, _itemFile, _candidates, _window, _top, _repeat, _output, _skipUnknown, _unseen])
        {
            Add(option);
        }
        _store = new StoreOptions(this, "Read users' summaries, which 'lsk summarize' stored, instead of encoding their histories", required: false);
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        The request is made just after the last event of the log. A user's history is encoded once, then all targets are scored against it together;
        latencies are given for both steps. With --store the first step reads a summary: what a user costs then does not depend on the history.
        A score is a logit: higher is better; differences between targets of one user are what counts.
        """;

    public override IReadOnlyList<string> Examples =>
    [
        "lsk score movies.lsklog movies.lskmodel --user 414 --top 20",
        "lsk score log.lsklog log.lskmodel --user ann --user bob --items candidates.txt --out scores.tsv",
        "lsk score log.lsklog log.lskmodel --store summaries.db --user ann",
    ];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string logPath = invocation.Get(_log);
        string modelPath = invocation.Get(_model);
        string? output = invocation.Get(_output);
        if (output is not null)
        {
            OutputFile.EnsureWritable(output, _output.Name);
        }
        if (_store.IsGiven(invocation) && invocation.IsGiven(_window))
        {
            throw Failure.Usage("--window and --store contradict each other: a summary is one of the whole history.");
        }
        InteractionLog log = InputFile.ReadLog(logPath);
        RankingModel model = InputFile.ReadModel(modelPath);
        ModelNotes notes = ModelNotes.Read(model, modelPath, log, logPath);
        var names = new NameLookup(log, invocation.Get(_skipUnknown) ? UnknownNames.Skip : UnknownNames.Refuse, terminal);
        int[] users = Users(invocation, log, names);
        int[] targets = Targets(invocation, names);
        using LongSeqContext context = _compute.CreateContext(invocation);
        using StoredSummaries? stored = _store.IsGiven(invocation)
            ? new StoredSummaries(_store.Open(invocation, MissingStore.Refuse), _store.Version(invocation, model, modelPath), new VistaScorer(context, StoreOptions.Vista(model, modelPath)))
            : null;
        var scorer = new UserScorer(context, model, notes, log, stored);
        int repeat = invocation.Get(_repeat);
        int window = invocation.IsGiven(_window) ? invocation.Get(_window) : int.MaxValue;
        List<UserScores> scores = terminal.Track("Scoring", users.Length, "users", progress =>
        {
            var results = new List<UserScores>();
            foreach (int user in users)
            {
                int[] own = targets.Length > 0 ? targets : Candidates.Popular(log, user, invocation.Get(_candidates), notes.Protocol.PoolWindow);
                if (invocation.Get(_unseen))
                {
                    own = Unseen(log, user, own);
                }
                results.Add(scorer.Score(user, own, window, repeat, invocation.Interruption));
                progress.Report(results.Count);
            }
            return results;
        });
        int top = invocation.Get(_top);
        List<UserScoreDocument> documents = [.. scores.Select(user => Document(log, user, top))];
        documents.ForEach(user => Show(terminal, user));
        ShowLatencies(terminal, scores, scorer.Latencies, stored is null ? "encode" : "read the summary of");
        if (output is not null)
        {
            Write(output, log, scores);
            terminal.Line($"Wrote {output}.");
        }
        terminal.Document(new ScoreDocument(Name, logPath, modelPath, ComputeOptions.NameOf(context.Backend), documents, scorer.Latencies), Documents.Default.ScoreDocument);
        return ExitCode.Success;
    }

    /// <summary>The latency table, which the demonstration shows too.</summary>
    public static void ShowLatencies(Terminal terminal, List<UserScores> scores, ScoreLatencies latencies, string firstStep = "encode")
    {
        long events = scores.Max(user => user.Events);
        int targets = scores.Max(user => user.Targets.Length);
        Table table = Tables.Create("latency", ">median", ">90 %", ">99 %", ">max");
        void Row(string name, Latency latency) =>
            table.Row(name, Format.Time(latency.Median), Format.Time(latency.P90), Format.Time(latency.P99), Format.Time(latency.Max));
        Row($"{firstStep} a history of {(scores.Count > 1 ? "up to " : "")}{Format.Count(events, "event")}", latencies.Encode);
        Row($"score {(scores.Count > 1 ? "up to " : "")}{Format.Count(targets, "target")} against it", latencies.Score);
        Row("both", latencies.Total);
        terminal.Write(table);
        terminal.Line($"{Format.Count(latencies.Total.Runs, "run")} of {Format.Count(scores.Count, "user")}; {Format.Significant(targets / latencies.Total.Median)} targets/s.");
    }

    private int[] Users(Invocation invocation, InteractionLog log, NameLookup names)
    {
        string[] asked = invocation.Get(_users) ?? [];
        if (asked.Length == 0)
        {
            int longest = Enumerable.Range(0, log.Users.Count).MaxBy(log.Users.Length);
            return [longest];
        }
        int[] users = names.Users(asked);
        foreach (int user in users.Where(user => log.Users.Length(user) == 0))
        {
            throw new Failure($"The user '{log.UserNames[user]}' has no events.");
        }
        return users;
    }

    private int[] Targets(Invocation invocation, NameLookup names)
    {
        var asked = new List<string>(invocation.Get(_items) ?? []);
        if (invocation.Get(_itemFile) is { } path)
        {
            asked.AddRange(File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0));
            if (asked.Count == 0)
            {
                throw new Failure($"{path} names no items.");
            }
        }
        return asked.Count == 0 ? [] : names.Items(asked);
    }

    private static int[] Unseen(InteractionLog log, int user, int[] targets)
    {
        var history = new HashSet<int>(log.Items[(int)log.Users.Start(user)..(int)log.Users.Start(user + 1)].ToArray());
        int[] unseen = [.. targets.Where(target => !history.Contains(target))];
        return unseen.Length > 0 ? unseen : throw new Failure($"The user '{log.UserNames[user]}' has met all {Format.Count(targets.Length, "target")}; --unseen leaves none.");
    }

    private static UserScoreDocument Document(InteractionLog log, UserScores scores, int top)
    {
        var history = new Dictionary<int, (int Count, int Ago)>();
        ReadOnlySpan<int> events = log.Items.Span[..(int)log.Users.Start(scores.User + 1)][^scores.Events..];
        for (int i = 0; i < events.Length; i++)
        {
            history[events[i]] = (history.GetValueOrDefault(events[i]).Count + 1, events.Length - i);
        }
        IEnumerable<ItemScore> best = Enumerable.Range(0, scores.Targets.Length)
            .OrderByDescending(i => scores.Scores[i])
            .ThenBy(i => scores.Targets[i])
            .Take(top == 0 ? int.MaxValue : top)
            .Select(i => history.TryGetValue(scores.Targets[i], out (int Count, int Ago) met)
                ? new ItemScore(log.ItemNames[scores.Targets[i]], scores.Scores[i], met.Count, met.Ago)
                : new ItemScore(log.ItemNames[scores.Targets[i]], scores.Scores[i], 0, null));
        return new UserScoreDocument(log.UserNames[scores.User], scores.Events, scores.Targets.Length, [.. best]);
    }

    private static void Show(Terminal terminal, UserScoreDocument user)
    {
        terminal.Heading($"User {user.User}: {Format.Count(user.Targets, "target")} against {Format.Count(user.HistoryEvents, "event")}");
        Table table = Tables.Create(">rank", "item", ">score", ">in the history", ">last met, events ago");
        for (int i = 0; i < user.Best.Count; i++)
        {
            ItemScore item = user.Best[i];
            table.Row(
                Format.Count(i + 1),
                item.Item,
                item.Score.ToString("F3", CultureInfo.InvariantCulture),
                item.HistoryCount == 0 ? "never" : Format.Count(item.HistoryCount, "time"),
                item.EventsAgo is { } ago ? Format.Count(ago) : "");
        }
        terminal.Write(table);
    }

    private static void Write(string path, InteractionLog log, List<UserScores> scores)
    {
        var text = new StringBuilder("user\titem\tscore\n");
        foreach (UserScores user in scores)
        {
            for (int i = 0; i < user.Targets.Length; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"{log.UserNames[user.User]}\t{log.ItemNames[user.Targets[i]]}\t{user.Scores[i]:R}\n");
            }
        }
        AtomicFile.WriteText(path, text.ToString());
    }
}

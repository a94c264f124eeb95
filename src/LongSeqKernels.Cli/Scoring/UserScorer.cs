using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The scores of one user's targets, and what scoring them took.</summary>
/// <param name="User">Number of the user.</param>
/// <param name="Events">History events that were read.</param>
/// <param name="Targets">Items, in the order they were given.</param>
/// <param name="Scores">Logit of each target.</param>
internal sealed record UserScores(int User, int Events, int[] Targets, float[] Scores);

/// <summary>Scores targets for users of a log as a ranking service would: encode the history once, score a list of targets against it.</summary>
/// <param name="context">Where to run.</param>
/// <param name="model">The model.</param>
/// <param name="notes">Its notes.</param>
/// <param name="log">The log it was trained on.</param>
/// <param name="stored">Where summaries are read instead of encoding histories; null for no store.</param>
internal sealed class UserScorer(LongSeqContext context, RankingModel model, ModelNotes notes, InteractionLog log, StoredSummaries? stored = null)
{
    private const int WarmUps = 2;

    private readonly IHistoryScorer _scorer = model.CreateScorer(context);
    private readonly RequestMaker? _popularity = model.Config.ContextWidth > 0 ? new RequestMaker(log, notes.Protocol) : null;
    private readonly List<double> _encode = [];
    private readonly List<double> _score = [];
    private readonly List<double> _total = [];

    /// <summary>Unix seconds just after the last event of the log: when the requests are made.</summary>
    private readonly long _now = log.NewestTime + 1;

    /// <summary>The times so far.</summary>
    public ScoreLatencies Latencies => new(Latency.Of(_encode), Latency.Of(_score), Latency.Of(_total));

    /// <summary>Scores targets several times and measures every time.</summary>
    /// <param name="user">Number of the user.</param>
    /// <param name="targets">Numbers of items.</param>
    /// <param name="window">Most history events, newest first.</param>
    /// <param name="repeat">How often.</param>
    /// <param name="interruption">Stops between runs.</param>
    public UserScores Score(int user, int[] targets, int window, int repeat, CancellationToken interruption)
    {
        UserHistory history = UserHistory.Of(log, user, _now, model.Config.Actions, window);
        float[] features = _popularity?.Popularity(user, _now, targets) ?? [];
        var scores = new float[targets.Length];
        for (int run = -WarmUps; run < repeat; run++)
        {
            interruption.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Action score = Prepare(history, log.UserNames[user], targets, features, scores);
            double encode = Stopwatch.GetElapsedTime(start).TotalSeconds;
            score();
            double total = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (run >= 0)
            {
                _encode.Add(encode);
                _score.Add(total - encode);
                _total.Add(total);
            }
        }
        return new UserScores(user, history.Items.Length, targets, scores);
    }

    /// <summary>The first step: encodes the history or reads its summary; returns the second.</summary>
    private Action Prepare(UserHistory history, string name, int[] targets, float[] features, float[] scores)
    {
        if (stored is not null)
        {
            UserSummary summary = stored.Read(name);
            return () => stored.Scorer.Score(summary, targets, features, scores);
        }
        IEncodedHistory encoded = _scorer.Encode(history);
        return () => _scorer.Score(encoded, targets, features, scores);
    }
}

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
internal sealed class UserScorer(LongSeqContext context, RankingModel model, ModelNotes notes, InteractionLog log)
{
    private const int WarmUps = 2;

    private readonly IHistoryScorer _scorer = model.CreateScorer(context);
    private readonly RequestMaker? _popularity = model.Config.ContextWidth > 0 ? new RequestMaker(log, notes.Protocol) : null;
    private readonly List<double> _encode = [];
    private readonly List<double> _score = [];
    private readonly List<double> _total = [];

    /// <summary>Unix seconds just after the last event of the log: when the requests are made.</summary>
    private readonly long _now = LastTime(log) + 1;

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
        int length = (int)Math.Min(window, log.Users.Length(user));
        int first = (int)log.Users.Start(user + 1) - length;
        var history = new UserHistory
        {
            Items = log.Items.Slice(first, length),
            Actions = model.Config.Actions > 1 ? log.Actions.Slice(first, length) : default,
            Times = log.Times.Slice(first, length),
            RequestTime = _now,
        };
        float[] features = _popularity?.Popularity(user, _now, targets) ?? [];
        var scores = new float[targets.Length];
        for (int run = -WarmUps; run < repeat; run++)
        {
            interruption.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            IEncodedHistory encoded = _scorer.Encode(history);
            double encode = Stopwatch.GetElapsedTime(start).TotalSeconds;
            _scorer.Score(encoded, targets, features, scores);
            double total = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (run >= 0)
            {
                _encode.Add(encode);
                _score.Add(total - encode);
                _total.Add(total);
            }
        }
        return new UserScores(user, length, targets, scores);
    }

    private static long LastTime(InteractionLog log)
    {
        long last = 0;
        foreach (long time in log.Times.Span)
        {
            last = Math.Max(last, time);
        }
        return last;
    }
}

using System.Diagnostics;

namespace LongSeqKernels.Cli;

/// <summary>Times of one case.</summary>
/// <param name="Median">Seconds of the median run.</param>
/// <param name="Best">Seconds of the fastest run.</param>
/// <param name="Runs">How many runs were timed.</param>
internal readonly record struct BenchTimes(double Median, double Best, int Runs)
{
    private const int MinimumRuns = 3;

    /// <summary>Runs a case until tiered compilation has settled, then times runs for a while.</summary>
    public static BenchTimes Measure(Action run, double seconds, CancellationToken interruption)
    {
        long start = Stopwatch.GetTimestamp();
        for (int warm = 0; warm == 0 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; warm++)
        {
            interruption.ThrowIfCancellationRequested();
            run();
        }
        var times = new List<double>();
        start = Stopwatch.GetTimestamp();
        while (times.Count < MinimumRuns || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            interruption.ThrowIfCancellationRequested();
            long before = Stopwatch.GetTimestamp();
            run();
            times.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
        }
        times.Sort();
        return new BenchTimes(times[times.Count / 2], times[0], times.Count);
    }
}

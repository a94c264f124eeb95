using System.Diagnostics;

namespace LongSeqKernels.Cli;

/// <summary>Rate and time left of a piece of work.</summary>
/// <param name="total">Steps of the whole work; 0 when nobody knows.</param>
/// <param name="start">Steps that were already done (a resumed training): they do not count for the rate.</param>
/// <param name="unit">What a step is, in the plural.</param>
internal sealed class ProgressMeter(long total, long start, string unit)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly long _start = start;

    public long Total => total;

    public long Done { get; private set; } = start;

    /// <summary>What the work says of itself: a loss, a file name.</summary>
    public string Status { get; private set; } = "";

    public void Report(long done, string status)
    {
        Done = done;
        Status = status;
    }

    /// <summary>What the end of a line on a terminal says.</summary>
    public string Tail()
    {
        string[] parts = [total > 0 ? "" : $"{Format.Count(Done)} {unit}", RateAndRemaining(), Status];
        return string.Join(", ", parts.Where(part => part.Length > 0));
    }

    /// <summary>"3.4 steps/s, 12s left", as far as known.</summary>
    public string RateAndRemaining()
    {
        double seconds = _clock.Elapsed.TotalSeconds;
        long worked = Done - _start;
        if (worked <= 0 || seconds <= 0)
        {
            return "";
        }
        double rate = worked / seconds;
        if (total == 0)
        {
            return $"{Format.Significant(rate)} {unit}/s";
        }
        string left = Done >= total ? $"took {Format.Duration(_clock.Elapsed)}" : $"{Format.Duration(TimeSpan.FromSeconds((total - Done) / rate))} left";
        return $"{Format.Significant(rate)} {unit}/s, {left}";
    }

    /// <summary>One line for a file or a pipe.</summary>
    public string Line(string what)
    {
        string rate = RateAndRemaining();
        return $"{what}: {Format.Count(Done)}{(total > 0 ? " of " + Format.Count(total) : "")} {unit}{(Status.Length > 0 ? ", " + Status : "")}{(rate.Length > 0 ? ", " + rate : "")}";
    }
}

using System.Diagnostics;

namespace LongSeqKernels.Cli;

/// <summary>Rate and time left of a piece of work.</summary>
/// <param name="total">Steps of the whole work; 0 when nobody knows.</param>
/// <param name="start">Steps that were already done (a resumed training): they do not count for the rate.</param>
/// <param name="unit">What a step is, in the plural.</param>
internal sealed class ProgressMeter(long total, long start, string unit)
{
    /// <summary>The rate is that of about the last 15 seconds: other programs come and go, and early steps are slow.</summary>
    private const int MaxSamples = 15;
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(1);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Queue<(TimeSpan At, long Done)> _samples = new([(TimeSpan.Zero, start)]);
    private readonly Lock _lock = new();
    private TimeSpan _lastSample;

    public long Total => total;

    public long Done { get; private set; } = start;

    /// <summary>What the work says of itself: a loss, a file name.</summary>
    public string Status { get; private set; } = "";

    public void Report(long done, string status)
    {
        lock (_lock)
        {
            Done = done;
            Status = status;
            if (_clock.Elapsed - _lastSample >= SampleInterval)
            {
                _lastSample = _clock.Elapsed;
                _samples.Enqueue((_lastSample, done));
                if (_samples.Count > MaxSamples)
                {
                    _samples.Dequeue();
                }
            }
        }
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
        lock (_lock)
        {
            (TimeSpan at, long before) = _samples.Peek();
            double seconds = (_clock.Elapsed - at).TotalSeconds;
            if (Done <= before || seconds <= 0)
            {
                return "";
            }
            double rate = (Done - before) / seconds;
            string left = total == 0 ? ""
                : Done >= total ? $", took {Format.Duration(_clock.Elapsed)}"
                : $", {Format.Duration(TimeSpan.FromSeconds((total - Done) / rate))} left";
            return $"{Format.Significant(rate)} {unit}/s{left}";
        }
    }

    /// <summary>One line for a file or a pipe.</summary>
    public string Line(string what)
    {
        string rate = RateAndRemaining();
        return $"{what}: {Format.Count(Done)}{(total > 0 ? " of " + Format.Count(total) : "")} {unit}{(Status.Length > 0 ? ", " + Status : "")}{(rate.Length > 0 ? ", " + rate : "")}";
    }
}

namespace LongSeqKernels.Models;

/// <summary>The logarithmic axis of history windows: a tick per window; the whole history stands at its mean length, beyond the longest window.</summary>
internal sealed class LogAxis
{
    private readonly double _low;
    private readonly double _high;
    private readonly double _all;

    private LogAxis(double low, double high, double all)
    {
        _low = low;
        _high = high;
        _all = all;
    }

    /// <summary>Where the windows lie, 0 to 1, and their texts.</summary>
    public required IReadOnlyList<(double Share, string Text)> Ticks { get; init; }

    /// <summary>The axis of these windows.</summary>
    public static LogAxis Of(IReadOnlyList<WindowResult> windows)
    {
        double longest = windows.Where(window => window.Window != RequestBatches.AllEvents).Select(window => (double)window.Window).DefaultIfEmpty(1).Max();
        // Not nearer than its label is wide.
        double all = Math.Max(windows[^1].MeanHistory, longest * 1.8);
        double low = Math.Log(windows[0].Window == RequestBatches.AllEvents ? all / 10 : windows[0].Window);
        double high = Math.Log(windows[^1].Window == RequestBatches.AllEvents ? all : longest);
        double margin = Math.Max(0.04 * (high - low), 0.1);
        var axis = new LogAxis(low - margin, high + margin, all) { Ticks = [] };
        return new LogAxis(low - margin, high + margin, all) { Ticks = [.. windows.Select(window => (axis.Share(window), window.Label))] };
    }

    /// <summary>Where a window lies, 0 to 1.</summary>
    public double Share(WindowResult window) => (Math.Log(window.Window == RequestBatches.AllEvents ? _all : window.Window) - _low) / (_high - _low);
}

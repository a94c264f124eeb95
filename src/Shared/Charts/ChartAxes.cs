using System.Globalization;

namespace LongSeqKernels;

/// <summary>A linear axis with round ticks.</summary>
internal sealed class LinearAxis
{
    private readonly double _low;
    private readonly double _high;
    private readonly int _decimals;

    private LinearAxis(double low, double high, double step)
    {
        _low = low;
        _high = high;
        _decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(step) - 1e-9), 0, 6);
        Ticks = [.. Enumerable.Range(0, (int)Math.Round((high - low) / step) + 1).Select(i => low + (i * step))];
    }

    /// <summary>Values with a line and a label.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis that takes in a range, in four to nine steps of 1, 2 or 5 times a power of ten.</summary>
    public static LinearAxis Around(double lowest, double highest)
    {
        double range = Math.Max(highest - lowest, 1e-3);
        double power = Math.Pow(10, Math.Floor(Math.Log10(range / 4)));
        double step = new[] { 1.0, 2, 5 }.Select(factor => factor * power).Last(candidate => candidate <= range / 4 * (1 + 1e-9));
        return new LinearAxis(Math.Floor((lowest / step) - 1e-9) * step, Math.Ceiling((highest / step) + 1e-9) * step, step);
    }

    /// <summary>Where a value lies between the ends, 0 to 1.</summary>
    public double Share(double value) => (value - _low) / (_high - _low);

    /// <summary>A tick's text.</summary>
    public string Label(double tick) => tick.ToString("F" + _decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

/// <summary>A logarithmic axis of whole decades.</summary>
internal sealed class DecadeAxis
{
    private readonly int _low;
    private readonly int _high;

    private DecadeAxis(int low, int high) => (_low, _high) = (low, high);

    /// <summary>The powers of ten.</summary>
    public IEnumerable<double> Ticks => Enumerable.Range(_low, _high - _low + 1).Select(power => Math.Pow(10, power));

    /// <summary>The largest value.</summary>
    public double Highest => Math.Pow(10, _high);

    /// <summary>The smallest value.</summary>
    public double Lowest => Math.Pow(10, _low);

    /// <summary>The axis that takes in a range of positive numbers.</summary>
    public static DecadeAxis Around(double lowest, double highest)
    {
        int low = (int)Math.Floor(Math.Log10(lowest) + 1e-9);
        return new DecadeAxis(low, Math.Max(low + 1, (int)Math.Ceiling(Math.Log10(highest) - 1e-9)));
    }

    /// <summary>Where a value lies between the ends, 0 to 1.</summary>
    public double Share(double value) => (Math.Log10(value) - _low) / (_high - _low);

    /// <summary>A tick's text: "0.01", "1", "1,000".</summary>
    public static string Label(double tick) => tick.ToString(tick < 1 ? "0.#########" : "N0", CultureInfo.InvariantCulture);
}

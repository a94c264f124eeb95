using System.Globalization;

namespace LongSeqKernels.Cli;

/// <summary>Numbers as people read them, in one place; the same in every culture.</summary>
internal static class Format
{
    private static readonly string[] ByteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>12,345.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"1 event", "12,345 events".</summary>
    public static string Count(long value, string singular) => Count(value, singular, singular + "s");

    /// <summary>"1 batch", "12 batches".</summary>
    public static string Count(long value, string singular, string plural) => $"{Count(value)} {(value == 1 ? singular : plural)}";

    public static string Bytes(long value)
    {
        double scaled = value;
        int unit = 0;
        while (scaled >= 1024 && unit < ByteUnits.Length - 1)
        {
            scaled /= 1024;
            unit++;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{scaled.ToString(unit == 0 || scaled >= 100 ? "F0" : "F1", CultureInfo.InvariantCulture)} {ByteUnits[unit]}");
    }

    /// <summary>A measured time with a fitting unit: 3.2 us, 41.7 ms, 2.31 s.</summary>
    public static string Time(double seconds) => seconds switch
    {
        < 1e-3 => Significant(seconds * 1e6) + " us",
        < 1 => Significant(seconds * 1e3) + " ms",
        _ => Significant(seconds) + " s",
    };

    /// <summary>A duration that somebody waits for: 42s, 3m05s, 2h10m.</summary>
    public static string Duration(TimeSpan time)
    {
        long seconds = (long)Math.Round(time.TotalSeconds);
        return seconds switch
        {
            < 60 => $"{seconds}s",
            < 3600 => $"{seconds / 60}m{seconds % 60:00}s",
            _ => $"{seconds / 3600}h{seconds % 3600 / 60:00}m",
        };
    }

    /// <summary>Three significant digits without an exponent where that is readable.</summary>
    public static string Significant(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 999_500 => Significant(value / 1e6) + " M",
        >= 99.95 and < 1e6 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 9.995 and < 1e6 => value.ToString("F1", CultureInfo.InvariantCulture),
        >= 0.9995 and < 1e6 => value.ToString("F2", CultureInfo.InvariantCulture),
        >= 0.01 and < 1e6 => value.ToString("F3", CultureInfo.InvariantCulture),
        _ => value.ToString("0.0e+0", CultureInfo.InvariantCulture),
    };

    public static string Fixed(double value, int decimals) => value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>With its sign, also when it is positive.</summary>
    public static string Signed(double value, int decimals) => (value < 0 ? "" : "+") + Fixed(value, decimals);

    public static string Percent(double share) => (100 * share).ToString("F0", CultureInfo.InvariantCulture) + " %";
}

using System.Globalization;

namespace LongSeqKernels.Models;

/// <summary>How importers read names, times and labels, and how they say what was wrong with one.</summary>
internal static class ImportText
{
    /// <summary>Longest name of a user, an item, an action, a basket, a category or a pool, in characters.</summary>
    public const int MaxNameLength = 4096;

    /// <summary>Unix time of the last second of the year 9999.</summary>
    public const long MaxTime = 253_402_300_799;

    /// <summary>Says what is wrong with a name, or null.</summary>
    public static string? NameFault(ReadOnlySpan<char> name, string column)
    {
        if (name.IsEmpty)
        {
            return $"{column} is empty";
        }
        if (name.Length > MaxNameLength)
        {
            return $"{column} has {name.Length} characters; it must have at most {MaxNameLength}";
        }
        foreach (char character in name)
        {
            if (char.IsControl(character) || character == '\uFFFD')
            {
                return character == '\uFFFD' ? $"{column} is not valid UTF-8" : $"{column} has a control character (U+{(int)character:X4})";
            }
        }
        return null;
    }

    /// <summary>Reads a time; whole numbers, or decimal ones, of which the fraction is dropped.</summary>
    public static string? ParseTime(ReadOnlySpan<char> text, string column, TimeUnit unit, out long seconds)
    {
        if (!long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out seconds))
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(Math.Abs(value) < 1e18))
            {
                return $"{column} is '{Shown(text)}'; it must be a unix time in {Name(unit)}";
            }
            seconds = (long)Math.Floor(value);
        }
        seconds = unit == TimeUnit.Milliseconds && seconds >= 0 ? seconds / 1000 : seconds;
        return seconds is >= 0 and <= MaxTime
            ? null
            : $"{column} is {Shown(text)}; it must be a unix time in {Name(unit)}, from 0 (1970) to the year 9999";
    }

    /// <summary>Reads a label: with a threshold, whether the value reaches it; without, a value from 0 to 1.</summary>
    public static string? ParseLabel(ReadOnlySpan<char> text, string column, float? threshold, out float label)
    {
        if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out label) || !float.IsFinite(label))
        {
            return $"{column} is '{Shown(text)}'; it must be a number";
        }
        if (threshold is { } least)
        {
            label = label >= least ? 1 : 0;
            return null;
        }
        return label is >= 0 and <= 1 ? null : $"{column} is {Shown(text)}; it must be from 0 to 1, unless a threshold is given";
    }

    /// <summary>Text of a file as it may appear in a message: short, without control characters.</summary>
    public static string Shown(ReadOnlySpan<char> text)
    {
        const int Longest = 60;
        var shown = text[..Math.Min(text.Length, Longest)].ToArray();
        for (int i = 0; i < shown.Length; i++)
        {
            shown[i] = char.IsControl(shown[i]) ? '?' : shown[i];
        }
        return new string(shown) + (text.Length > Longest ? "..." : "");
    }

    private static string Name(TimeUnit unit) => unit == TimeUnit.Milliseconds ? "milliseconds" : "seconds";
}

/// <summary>Units of time columns.</summary>
public enum TimeUnit
{
    /// <summary>Unix seconds.</summary>
    Seconds,

    /// <summary>Unix milliseconds.</summary>
    Milliseconds,
}

using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace LongSeqKernels.Cli;

/// <summary>Options whose mistakes are explained: which option, what it was, what it must be.</summary>
internal static class OptionOf
{
    public static Option<int> Integer(string name, string description, int? fallback, int minimum = 1, int maximum = int.MaxValue, string unit = "n") =>
        Number(name, description, fallback, minimum, maximum, unit, "a whole number");

    public static Option<long> Long(string name, string description, long? fallback, long minimum = 0, long maximum = long.MaxValue, string unit = "n") =>
        Number(name, description, fallback, minimum, maximum, unit, "a whole number");

    public static Option<double> Real(string name, string description, double? fallback, double minimum, double maximum, string unit = "x") =>
        Number(name, description, fallback, minimum, maximum, unit, "a number");

    /// <summary>Whole numbers separated by commas.</summary>
    public static Option<NumberList> Integers(string name, string description, int[] fallback, int minimum, int maximum = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "n,n,...",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            var numbers = new List<int>();
            foreach (string part in text.Split(','))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < minimum || number > maximum)
                {
                    result.AddError($"{name} is \"{text}\"; it must be whole numbers {Range(minimum, maximum, int.MaxValue)}, separated by commas.");
                    return new NumberList([]);
                }
                numbers.Add(number);
            }
            return new NumberList([.. numbers]);
        },
        DefaultValueFactory = _ => new NumberList(fallback),
    };

    /// <summary>Numbers separated by commas.</summary>
    public static Option<RealList> Reals(string name, string description, double[] fallback, double minimum, double maximum) => new(name)
    {
        Description = description,
        HelpName = "x,x,...",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            var numbers = new List<double>();
            foreach (string part in text.Split(','))
            {
                if (!double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || !(number >= minimum && number <= maximum))
                {
                    result.AddError($"{name} is \"{text}\"; it must be numbers {Range(minimum, maximum, double.MaxValue)}, separated by commas.");
                    return new RealList([]);
                }
                numbers.Add(number);
            }
            return new RealList([.. numbers]);
        },
        DefaultValueFactory = _ => new RealList(fallback),
    };

    /// <summary>A path or another text.</summary>
    public static Option<string?> Text(string name, string description, string unit, bool required = false) =>
        new(name) { Description = description, HelpName = unit, Required = required };

    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>One of several names.</summary>
    public static Option<Choice<T>> OneOf<T>(string name, string description, T fallback, params (string Name, T Value)[] choices)
    {
        string names = string.Join(", ", choices.Select(choice => choice.Name));
        (string Name, T Value) first = choices.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, fallback));
        var option = new Option<Choice<T>>(name)
        {
            Description = $"{description}: {names}",
            HelpName = "name",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                foreach ((string candidate, T value) in choices)
                {
                    if (string.Equals(candidate, text, StringComparison.OrdinalIgnoreCase))
                    {
                        return new Choice<T>(candidate, value);
                    }
                }
                result.AddError($"{name} is \"{text}\"; it must be one of {names}.");
                return default;
            },
            DefaultValueFactory = _ => new Choice<T>(first.Name, first.Value),
        };
        option.CompletionSources.Add([.. choices.Select(choice => choice.Name)]);
        return option;
    }

    private static Option<T> Number<T>(string name, string description, T? fallback, T minimum, T maximum, string unit, string kind)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = unit,
            CustomParser = result => Parse(result, name, minimum, maximum, kind),
        };
        if (fallback is { } value)
        {
            option.DefaultValueFactory = _ => value;
        }
        return option;
    }

    private static T Parse<T>(ArgumentResult result, string name, T minimum, T maximum, string kind)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value) && value >= minimum && value <= maximum)
        {
            return value;
        }
        result.AddError($"{name} is \"{text}\"; it must be {kind} {Range(minimum, maximum, T.MaxValue)}.");
        return default;
    }

    private static string Range<T>(T minimum, T maximum, T unlimited)
        where T : INumber<T> => maximum == unlimited ? $"of {minimum} or more" : $"from {minimum} to {maximum}";
}

/// <summary>A chosen value with the name that users write, which help prints as the default.</summary>
internal readonly record struct Choice<T>(string Name, T Value)
{
    public override string ToString() => Name;
}

/// <summary>Numbers as users write them: "0.1,0.3,1".</summary>
internal sealed record RealList(double[] Values)
{
    public override string ToString() => string.Join(',', Values);
}

/// <summary>Whole numbers as users write them: "10,30,100".</summary>
internal sealed record NumberList(int[] Values)
{
    public override string ToString() => string.Join(',', Values);
}

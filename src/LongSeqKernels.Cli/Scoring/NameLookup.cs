using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What to do with names that a log does not know.</summary>
internal enum UnknownNames
{
    /// <summary>Fail, and name them.</summary>
    Refuse,

    /// <summary>Leave them out, and name them in a warning.</summary>
    Skip,
}

/// <summary>Finds users and items by the names that they had in the source.</summary>
internal sealed class NameLookup(InteractionLog log, UnknownNames unknown, Terminal terminal)
{
    private const int Shown = 5;

    public int[] Users(IReadOnlyList<string> names) => Find(names, log.TryFindUser, log.UserNames, "user");

    public int[] Items(IReadOnlyList<string> names) => Find(names, log.TryFindItem, log.ItemNames, "item");

    private delegate bool TryFind(string name, out int number);

    private int[] Find(IReadOnlyList<string> names, TryFind find, IReadOnlyList<string> known, string kind)
    {
        var found = new List<int>();
        var missing = new List<string>();
        foreach (string name in names)
        {
            if (find(name, out int number))
            {
                found.Add(number);
            }
            else
            {
                missing.Add(name);
            }
        }
        if (missing.Count == 0)
        {
            return [.. found];
        }
        string all = string.Join(", ", missing.Take(Shown).Select(name => Suggest(name, known)));
        string more = missing.Count > Shown ? $" and {Format.Count(missing.Count - Shown)} more" : "";
        string message = $"{Format.Count(missing.Count)} of {Format.Count(names.Count, kind)} {(missing.Count == 1 ? "is" : "are")} not in the log: {all}{more}.";
        if (unknown == UnknownNames.Refuse || found.Count == 0)
        {
            throw new Failure(found.Count == 0 ? message : message + " --skip-unknown leaves them out.");
        }
        terminal.Warning(message);
        return [.. found];
    }

    private static string Suggest(string name, IReadOnlyList<string> known) =>
        Suggestions.Nearest(name, known, 1) is [string nearest] ? $"'{name}' (did you mean '{nearest}'?)" : $"'{name}'";
}

using System.CommandLine;
using System.Globalization;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>History windows as users write them: "10,100,all".</summary>
internal sealed record WindowList(int[] Values)
{
    /// <summary>The option <c>--windows</c>.</summary>
    public static Option<WindowList> Option(int[] fallback) => new("--windows")
    {
        Description = "History lengths, growing: events before the request, newest first",
        HelpName = "n,n,...,all",
        DefaultValueFactory = _ => new WindowList(fallback),
        CustomParser = result =>
        {
            if (Parse(result.Tokens[0].Value) is { } windows)
            {
                return windows;
            }
            result.AddError($"--windows is \"{result.Tokens[0].Value}\"; it must be growing whole numbers of 1 or more, separated by commas, the last of which may be all.");
            return new WindowList([]);
        },
    };

    public override string ToString() =>
        string.Join(',', Values.Select(window => window == RequestBatches.AllEvents ? "all" : window.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Reads a list, or returns null.</summary>
    public static WindowList? Parse(string text)
    {
        var windows = new List<int>();
        foreach (string part in text.Split(','))
        {
            int window = part == "all" ? RequestBatches.AllEvents : int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
            if (window < 1 || (windows.Count > 0 && window <= windows[^1]))
            {
                return null;
            }
            windows.Add(window);
        }
        return new WindowList([.. windows]);
    }
}

using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>The formats that <c>lsk import</c> reads, with the options that only some of them have.</summary>
internal sealed class ImportFormats
{
    private readonly Option<string?> _user = OptionOf.Text("--user-column", "tsv, csv: column of the user", "name");
    private readonly Option<string?> _item = OptionOf.Text("--item-column", "tsv, csv: column of the item", "name");
    private readonly Option<string?> _time = OptionOf.Text("--time-column", "tsv, csv: column of the time", "name");
    private readonly Option<Choice<TimeUnit>> _timeUnit = OptionOf.OneOf("--time-unit", "tsv, csv: unit of the time", TimeUnit.Seconds, ("seconds", TimeUnit.Seconds), ("milliseconds", TimeUnit.Milliseconds));
    private readonly Option<string?> _label = OptionOf.Text("--label-column", "tsv, csv: column of the label", "name");
    private readonly Option<double> _threshold = OptionOf.Real("--label-threshold", "Positive from this value of the label column on (tsv, csv: without it, labels are 0 to 1)", null, float.MinValue, float.MaxValue);
    private readonly Option<string?> _action = OptionOf.Text("--action-column", "tsv, csv: column of the action", "name");
    private readonly Option<string?> _basket = OptionOf.Text("--basket-column", "tsv, csv: column of the basket", "name");
    private readonly Option<string?> _category = OptionOf.Text("--category-column", "tsv, csv: column of the item's category", "name");
    private readonly Option<string?> _pool = OptionOf.Text("--pool-column", "tsv, csv: column of the item's pool", "name");
    private readonly Option<Choice<GitUser>> _gitUser = OptionOf.OneOf("--git-user", "git: what names a user", GitUser.HashedEmail, ("hashed-email", GitUser.HashedEmail), ("name", GitUser.Name));
    private readonly Option<int> _pathDepth = OptionOf.Integer("--path-depth", "git: parts of a path that make an item, 0 for the whole path", 0, 0);

    public ImportFormats(Command command)
    {
        foreach (Option option in (Option[])[_user, _item, _time, _timeUnit, _label, _threshold, _action, _basket, _category, _pool, _gitUser, _pathDepth])
        {
            command.Add(option);
        }
    }

    public static string[] Names { get; } = ["movielens-csv", "movielens-dat", "kuairand", "git", "tsv", "csv"];

    /// <summary>Imports.</summary>
    public ImportResult Import(Invocation invocation, string format, string[] inputs, string[] itemTables, ImportOptions options)
    {
        if (format == "git")
        {
            var git = new GitLogOptions { User = invocation.Get(_gitUser).Value, PathDepth = invocation.Get(_pathDepth) };
            return ImportGit(inputs, git, options, invocation.Interruption);
        }
        (List<string> events, List<string> tables) = Files(format, inputs, itemTables);
        DelimitedFormat columns = Columns(format);
        if (format is "tsv" or "csv")
        {
            columns = Named(invocation, columns);
        }
        if (invocation.IsGiven(_threshold))
        {
            columns = columns with { LabelThreshold = (float)invocation.Get(_threshold) };
        }
        return DelimitedImporter.Import([.. events.Select(LogSource.File)], columns, [.. tables.Select(LogSource.File)], options, invocation.Interruption);
    }

    /// <summary>Imports one file, directory or repository as its format has it by default.</summary>
    public static ImportResult ImportPlain(string format, string path, ImportOptions options, CancellationToken interruption)
    {
        if (format == "git")
        {
            return ImportGit([path], new GitLogOptions(), options, interruption);
        }
        (List<string> events, List<string> tables) = Files(format, [path], []);
        return DelimitedImporter.Import([.. events.Select(LogSource.File)], Columns(format), [.. tables.Select(LogSource.File)], options, interruption);
    }

    private static DelimitedFormat Columns(string format) => format switch
    {
        "movielens-csv" => DelimitedFormat.MovieLensCsv,
        "movielens-dat" => DelimitedFormat.MovieLensDat,
        "kuairand" => DelimitedFormat.KuaiRand,
        "tsv" => DelimitedFormat.Tsv,
        _ => DelimitedFormat.Csv,
    };

    private static ImportResult ImportGit(string[] inputs, GitLogOptions format, ImportOptions options, CancellationToken interruption)
    {
        int repositories = inputs.Count(Directory.Exists);
        if (repositories == inputs.Length)
        {
            return GitLogImporter.ImportRepositories(inputs, format, options, interruption);
        }
        if (repositories > 0)
        {
            throw Failure.Usage("git: the inputs are repositories and files; they must be all repositories or all saved logs.");
        }
        foreach (string input in inputs.Where(input => !File.Exists(input)))
        {
            throw new Failure($"{input} does not exist; it must be a git repository, or a log saved with: git {GitLogOptions.LogArguments}");
        }
        return GitLogImporter.ImportLogs([.. inputs.Select(LogSource.File)], format, options, interruption);
    }

    private DelimitedFormat Named(Invocation invocation, DelimitedFormat format) => format with
    {
        UserColumn = invocation.Get(_user) ?? format.UserColumn,
        ItemColumn = invocation.Get(_item) ?? format.ItemColumn,
        TimeColumn = invocation.Get(_time) ?? format.TimeColumn,
        TimeUnit = invocation.Get(_timeUnit).Value,
        LabelColumn = invocation.Get(_label),
        ActionColumn = invocation.Get(_action),
        BasketColumn = invocation.Get(_basket),
        CategoryColumn = invocation.Get(_category),
        PoolColumn = invocation.Get(_pool),
    };

    /// <summary>Event files and item tables; a directory stands for the files that the data set is published with.</summary>
    private static (List<string> Events, List<string> Tables) Files(string format, string[] inputs, string[] itemTables)
    {
        (string Events, string Tables) patterns = format switch
        {
            "movielens-csv" => ("ratings.csv", "movies.csv"),
            "movielens-dat" => ("ratings.dat", "movies.dat"),
            "kuairand" => ("log_*.csv", "video_features_basic*.csv"),
            _ => ("", ""),
        };
        var events = new List<string>();
        var tables = new List<string>(itemTables);
        foreach (string input in inputs)
        {
            if (!Directory.Exists(input))
            {
                events.Add(input);
                continue;
            }
            if (patterns.Events.Length == 0)
            {
                throw new Failure($"{input} is a directory; {format} must be given files.");
            }
            string[] found = Find(input, patterns.Events);
            events.AddRange(found.Length > 0 ? found : throw new Failure($"{input} has no {patterns.Events}."));
            tables.AddRange(itemTables.Length > 0 ? [] : Find(input, patterns.Tables));
        }
        foreach (string missing in events.Concat(tables).Where(path => !File.Exists(path)))
        {
            throw new Failure($"{missing} does not exist.");
        }
        return (events, tables);
    }

    private static string[] Find(string directory, string pattern) =>
        [.. Directory.EnumerateFiles(directory, pattern, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }).Order(StringComparer.Ordinal)];
}

using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>Reads a log from whatever a path is: a log, a delimited file, a data set's directory or a git repository.</summary>
internal static class DataDetection
{
    /// <exception cref="Failure">The path is nothing that can be read.</exception>
    public static InteractionLog Read(string path, Invocation invocation)
    {
        string format = Detect(path);
        if (format == "log")
        {
            return InputFile.ReadLog(path);
        }
        ImportResult result = invocation.Terminal.Track("Importing", 0, "rows", progress =>
        {
            ImportResult imported = ImportFormats.ImportPlain(format, path, new ImportOptions { Progress = new RowCount(progress) }, invocation.Interruption);
            progress.Report(imported.Report.Rows);
            return imported;
        });
        ImportCommand.Show(invocation.Terminal, result.Report);
        return result.Log;
    }

    private static string Detect(string path)
    {
        if (Directory.Exists(path))
        {
            bool Has(string pattern) => Directory.EnumerateFiles(path, pattern, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }).Any();
            return Path.Exists(Path.Combine(path, ".git")) ? "git"
                : Has("ratings.csv") ? "movielens-csv"
                : Has("ratings.dat") ? "movielens-dat"
                : Has("log_*.csv") ? "kuairand"
                : throw new Failure($"{path} is a directory that is no git repository and has no ratings.csv, ratings.dat or log_*.csv.");
        }
        if (!File.Exists(path))
        {
            throw new Failure($"{path} does not exist.");
        }
        string name = Path.GetFileName(path).ToLowerInvariant();
        return name.EndsWith(".tsv", StringComparison.Ordinal) || name.EndsWith(".tsv.gz", StringComparison.Ordinal) ? "tsv"
            : name.EndsWith(".csv", StringComparison.Ordinal) || name.EndsWith(".csv.gz", StringComparison.Ordinal) ? "csv"
            : "log";
    }
}

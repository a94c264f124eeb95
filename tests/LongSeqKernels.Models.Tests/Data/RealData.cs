using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Real logs, where the machine has them: the folder that the environment variable LONGSEQ_DATA names.</summary>
internal static class RealData
{
    /// <summary>The path of a file of that folder; the test is skipped by name when the variable is not set.</summary>
    public static string Path(string file)
    {
        string? folder = Environment.GetEnvironmentVariable("LONGSEQ_DATA");
        if (string.IsNullOrEmpty(folder))
        {
            Assert.Ignore("LONGSEQ_DATA is not set: it must name the folder with gitlong_events.tsv.gz, gitlong_items.tsv.gz and ml_latest_small_ratings.tsv.gz.");
        }
        return System.IO.Path.Combine(folder, file);
    }

    /// <summary>Histories of developers over 13 repositories.</summary>
    public static ImportResult ImportGitlong() => DelimitedImporter.Import(
        [LogSource.File(Path("gitlong_events.tsv.gz"))],
        DelimitedFormat.Tsv with { CategoryColumn = "dir", PoolColumn = "repo" },
        [LogSource.File(Path("gitlong_items.tsv.gz"))],
        new ImportOptions { Strict = true });
}

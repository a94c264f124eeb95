namespace LongSeqKernels.Benchmarks;

/// <summary><c>report RESULT.json...</c>: writes table and charts of comparisons beside their results.</summary>
internal static class ReportCommand
{
    /// <summary>0, or 1 where a result cannot be read or its report not be written; 2 without results.</summary>
    public static int Run(IReadOnlyList<string> results, TextWriter errors)
    {
        if (results.Count == 0)
        {
            errors.WriteLine("report needs one or more results of bench/peers/compare.py: report RESULT.json...");
            return 2;
        }
        try
        {
            foreach (string result in results)
            {
                ComparisonReport.Write(result);
            }
            return 0;
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            errors.WriteLine(exception.Message);
            return 1;
        }
    }
}

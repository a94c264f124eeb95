using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>A number that follows from a benchmark's work and its median time.</summary>
/// <param name="name">Title of the column.</param>
/// <param name="legend">What it means.</param>
/// <param name="value">Its text, of the suite with its parameters, the work and the seconds.</param>
internal sealed class WorkColumn(string name, string legend, Func<OperationBenchmarks, BenchWork, double, string> value) : IColumn
{
    public string Id => nameof(WorkColumn) + "." + name;

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => name + ": " + legend;

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(one => typeof(OperationBenchmarks).IsAssignableFrom(one.Descriptor.Type));

    public bool IsDefault(Summary summary, BenchmarkDotNet.Running.BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkDotNet.Running.BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkDotNet.Running.BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        if (summary[benchmarkCase]?.ResultStatistics is not { } statistics || Activator.CreateInstance(benchmarkCase.Descriptor.Type) is not OperationBenchmarks suite)
        {
            return "?";
        }
        foreach (var parameter in benchmarkCase.Parameters.Items)
        {
            benchmarkCase.Descriptor.Type.GetProperty(parameter.Name)!.SetValue(suite, parameter.Value);
        }
        return value(suite, suite.Of(benchmarkCase.Descriptor.WorkloadMethod.Name).Work, statistics.Median / 1e9);
    }

    /// <summary>One decimal.</summary>
    public static string Number(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}

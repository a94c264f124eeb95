using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using Perfolizer.Horology;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Short runs with allocation, GFLOP/s, GB/s and the share of the roofline, which is measured here, before anything runs.</summary>
internal sealed class RooflineConfig : ManualConfig
{
    /// <summary>Enough for figures that are told apart by a tenth.</summary>
    public static readonly Job ShortRun = Job.Default.WithWarmupCount(5).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(100));

    private readonly Dictionary<int, Roofline> _rooflines = OperationBenchmarks.ThreadCounts.ToDictionary(threads => threads, Roofline.Measure);

    public RooflineConfig()
    {
        string roofs = string.Join("; ", _rooflines.Values);
        Add(DefaultConfig.Instance);
        AddJob(ShortRun.AsDefault());
        AddDiagnoser(MemoryDiagnoser.Default);
        AddColumn(
            StatisticColumn.Min,
            StatisticColumn.Median,
            new WorkColumn("GFLOP/s", "operations over the median time, a multiply-add counted as two", (_, work, seconds) => WorkColumn.Number(work.Flops / seconds / 1e9)),
            new WorkColumn("GB/s", "bytes of inputs and outputs, each counted once, over the median time", (_, work, seconds) => WorkColumn.Number(work.Bytes / seconds / 1e9)),
            new WorkColumn("Bound", "the roof that the operation would take longer to reach", (suite, work, _) => RooflineOf(suite).BoundOf(work).ToString().ToLowerInvariant()),
            new WorkColumn(
                "Of roof",
                $"the time at that roof over the median time; measured at the start: {roofs}",
                (suite, work, seconds) => Format.Percent(RooflineOf(suite).Seconds(work) / seconds)));
        AddExporter(JsonExporter.Brief);
        HideColumns(Column.Error, Column.StdDev, Column.Mean, Column.RatioSD);
    }

    private Roofline RooflineOf(OperationBenchmarks suite) => _rooflines[suite.Threads];
}

using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;

namespace LongSeqKernels.Benchmarks;

/// <summary>Short runs with allocation, GFLOP/s and GB/s columns.</summary>
internal sealed class RooflineConfig : ManualConfig
{
    public RooflineConfig()
    {
        Add(DefaultConfig.Instance);
        AddJob(Job.Default.WithWarmupCount(5).WithIterationCount(10).AsDefault());
        AddDiagnoser(MemoryDiagnoser.Default);
        AddColumn(new RateColumn("GFLOP/s", "operations over the median time", made => made.Flops));
        AddColumn(new RateColumn("GB/s", "bytes of inputs and outputs, each counted once, over the median time", made => made.Bytes));
        AddExporter(JsonExporter.Brief);
        HideColumns(Column.Error, Column.StdDev, Column.RatioSD);
    }
}

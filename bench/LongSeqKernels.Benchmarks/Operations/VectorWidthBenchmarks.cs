using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>The widest vectors of this machine beside 256 bits (AVX2) and 128: what other processors would reach of the rate.</summary>
[VectorWidths]
public class VectorWidthBenchmarks : OperationBenchmarks
{
    private static readonly BenchShape Sizes = new(10_000, 128, 4, 64) { Seeds = 64 };

    [GlobalSetup(Target = nameof(OneTarget))]
    public void SetupOneTarget() => Prepare(nameof(OneTarget));

    [GlobalSetup(Target = nameof(Targets128))]
    public void SetupTargets128() => Prepare(nameof(Targets128));

    [GlobalSetup(Target = nameof(SharedHistory128Targets))]
    public void SetupSharedHistory() => Prepare(nameof(SharedHistory128Targets));

    [GlobalSetup(Target = nameof(Pooling64Seeds))]
    public void SetupPooling() => Prepare(nameof(Pooling64Seeds));

    [GlobalSetup(Target = nameof(GatedFfn))]
    public void SetupFfn() => Prepare(nameof(GatedFfn));

    [Benchmark]
    public void OneTarget() => RunOnce();

    [Benchmark]
    public void Targets128() => RunOnce();

    [Benchmark]
    public void SharedHistory128Targets() => RunOnce();

    [Benchmark]
    public void Pooling64Seeds() => RunOnce();

    [Benchmark]
    public void GatedFfn() => RunOnce();

    internal override Measurement Of(string method) => method switch
    {
        nameof(OneTarget) => new("cross-attention", Sizes with { Targets = 1 }),
        nameof(Targets128) => new("cross-attention", Sizes),
        nameof(SharedHistory128Targets) => new("shared-history", Sizes with { HeadWidth = 32 }),
        nameof(Pooling64Seeds) => new("summary-pooling", Sizes),
        _ => new("gated-ffn", Sizes with { HeadWidth = 32 }),
    };

    /// <summary>One job for every vector width that this machine has, the widest as baseline.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    private sealed class VectorWidthsAttribute : Attribute, IConfigSource
    {
        public IConfig Config { get; } = ManualConfig.CreateEmpty().AddJob(
        [
            .. from level in Enum.GetValues<SimdLevel>().OrderDescending()
               where SimdLevels.IsSupported(level)
               let bits = $"{(int)level}"
               select RooflineConfig.ShortRun.WithEnvironmentVariable("LONGSEQ_SIMD", bits).WithId(bits + " bits").WithBaseline(level == SimdLevels.Widest),
        ]);
    }
}

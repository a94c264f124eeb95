using BenchmarkDotNet.Attributes;

namespace LongSeqKernels.Benchmarks;

/// <summary>A suite of one operation: parameters say the shape, <see cref="Make"/> makes the case, one method runs it.</summary>
public abstract class OperationBenchmarks
{
    private BenchmarkCase? _made;

    /// <summary>Threads of the context.</summary>
    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>One thread and all.</summary>
    public static IEnumerable<int> ThreadCounts => Environment.ProcessorCount == 1 ? [1] : [1, Environment.ProcessorCount];

    /// <summary>Makes the inputs, once per set of parameters.</summary>
    [GlobalSetup]
    public void Setup() => _made = Make();

    /// <summary>Ends the context.</summary>
    [GlobalCleanup]
    public void Cleanup() => _made?.Dispose();

    /// <summary>Runs the operation once.</summary>
    [Benchmark]
    public void Run() => _made!.Run();

    internal abstract BenchmarkCase Make();

    /// <summary>A managed context with <see cref="Threads"/> threads.</summary>
    private protected LongSeqContext Context() => LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = Threads });
}

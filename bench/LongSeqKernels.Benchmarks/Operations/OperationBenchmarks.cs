using BenchmarkDotNet.Attributes;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>What one method of a suite measures.</summary>
internal sealed record Measurement(BenchOperation Operation, BenchShape Sizes, Direction Direction = Direction.Forward, ElementType Type = ElementType.Float32)
{
    public Measurement(string operation, BenchShape sizes, Direction direction = Direction.Forward, ElementType type = ElementType.Float32)
        : this(BenchCatalogue.Find(operation), sizes, direction, type)
    {
    }

    /// <summary>What a run must do at least.</summary>
    public BenchWork Work => Operation.Work(Sizes, Direction, Type);
}

/// <summary>A suite: parameters say the shape; <see cref="Of"/> says what each of its methods measures.</summary>
public abstract class OperationBenchmarks
{
    private LongSeqContext? _context;
    private BenchRun? _run;

    /// <summary>The backends, separated by commas: managed unless LONGSEQ_BENCH_BACKENDS names others.</summary>
    public static IEnumerable<Backend> Backends =>
        (Environment.GetEnvironmentVariable("LONGSEQ_BENCH_BACKENDS") is { Length: > 0 } names ? names : "managed")
            .Split(',', StringSplitOptions.TrimEntries)
            .Select(name => Enum.TryParse(name, ignoreCase: true, out Backend backend) && Enum.IsDefined(backend)
                ? backend
                : throw new ArgumentException($"LONGSEQ_BENCH_BACKENDS has \"{name}\"; it must be names of {string.Join(", ", Enum.GetNames<Backend>().Select(known => known.ToLowerInvariant()))}, separated by commas."));

    /// <summary>One thread and all.</summary>
    public static IEnumerable<int> ThreadCounts => Environment.ProcessorCount == 1 ? [1] : [1, Environment.ProcessorCount];

    /// <summary>What computes.</summary>
    [ParamsSource(nameof(Backends))]
    public Backend Backend { get; set; } = Backend.Managed;

    /// <summary>Threads of the context.</summary>
    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>Ends the context.</summary>
    [GlobalCleanup]
    public void Cleanup() => _context?.Dispose();

    /// <summary>What a method measures.</summary>
    internal abstract Measurement Of(string method);

    /// <summary>Makes the inputs of a method, once per set of parameters.</summary>
    private protected void Prepare(string method)
    {
        Measurement measured = Of(method);
        _context = LongSeqContext.Create(Backend, new LongSeqContextOptions { Threads = Threads });
        _run = measured.Operation.Make(_context, measured.Sizes, measured.Direction, measured.Type);
    }

    private protected void RunOnce() => _run!.Run();
}

/// <summary>A suite of one operation without a backward.</summary>
public abstract class ForwardBenchmarks : OperationBenchmarks
{
    [GlobalSetup(Target = nameof(Forward))]
    public void SetupForward() => Prepare(nameof(Forward));

    /// <summary>Outputs.</summary>
    [Benchmark]
    public void Forward() => RunOnce();
}

/// <summary>A suite of one operation, forward and backward.</summary>
public abstract class GradientBenchmarks : ForwardBenchmarks
{
    [GlobalSetup(Target = nameof(Backward))]
    public void SetupBackward() => Prepare(nameof(Backward));

    /// <summary>All gradients.</summary>
    [Benchmark]
    public void Backward() => RunOnce();

    internal abstract string Operation { get; }

    internal abstract BenchShape Sizes { get; }

    internal override Measurement Of(string method) => new(Operation, Sizes, method == nameof(Backward) ? Direction.Backward : Direction.Forward);
}

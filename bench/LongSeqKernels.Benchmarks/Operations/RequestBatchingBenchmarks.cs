using BenchmarkDotNet.Attributes;
using LongSeqKernels.Models;

namespace LongSeqKernels.Benchmarks;

/// <summary>300 targets on one history of 10,000 events, scored by an STCA of width 128 with 8 heads and 4 layers: as one request, and as 300 requests of one target.</summary>
[WarmupCount(1), IterationCount(3)] // 300 requests take seconds
public class RequestBatchingBenchmarks
{
    private const int Targets = 300;
    private const int Events = 10_000;
    private const int Items = 50_000;

    private readonly int[] _targets = new int[Targets];
    private readonly float[] _logits = new float[Targets];
    private LongSeqContext _context = null!;
    private StcaScorer _scorer = null!;
    private UserHistory _history = null!;

    /// <summary>Keys and values projected from the history, or absorbed into the queries.</summary>
    [Params(AttentionForm.Projected, AttentionForm.Absorbed)]
    public AttentionForm Form { get; set; }

    /// <summary>Makes model and history.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _context = LongSeqContext.Create(Backend.Managed);
        var config = new StcaConfig { Items = Items, Width = 128, Heads = 8, Layers = 4, Attention = Form };
        _scorer = StcaModel.Create(config, default).CreateScorer(_context);
        var random = new Random(1);
        int[] events = [.. Enumerable.Range(0, Events).Select(_ => random.Next(Items))];
        long[] times = [.. Enumerable.Range(0, Events).Select(i => 60L * i)];
        _history = new UserHistory { Items = events, Times = times, RequestTime = 60L * Events };
        for (int i = 0; i < Targets; i++)
        {
            _targets[i] = random.Next(Items);
        }
    }

    /// <summary>Ends the context.</summary>
    [GlobalCleanup]
    public void Cleanup() => _context.Dispose();

    [Benchmark(Baseline = true)]
    public void OneRequest() => _scorer.Score(_history, _targets, default, _logits);

    [Benchmark]
    public void AsManyRequests()
    {
        for (int i = 0; i < Targets; i++)
        {
            _scorer.Score(_history, _targets.AsMemory(i, 1), default, _logits.AsSpan(i, 1));
        }
    }
}

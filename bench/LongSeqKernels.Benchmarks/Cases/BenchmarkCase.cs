namespace LongSeqKernels.Benchmarks;

/// <summary>One operation on one shape with its inputs made: what BenchmarkDotNet and the peer worker both time.</summary>
internal abstract class BenchmarkCase(LongSeqContext context) : IDisposable
{
    /// <summary>Where it runs.</summary>
    protected LongSeqContext Context { get; } = context;

    /// <summary>Floating point operations of one run (a multiply-add is two).</summary>
    public abstract double Flops { get; }

    /// <summary>Bytes of inputs and outputs, each counted once: what a perfect kernel must move.</summary>
    public abstract double Bytes { get; }

    /// <summary>Executes once.</summary>
    public abstract void Run();

    /// <summary>The output of the last run, for comparison between workers.</summary>
    public abstract IEnumerable<double> Result();

    /// <inheritdoc/>
    public void Dispose() => Context.Dispose();

    /// <summary>Makes the case that a line of key=value words describes.</summary>
    /// <exception cref="ArgumentException">A word is missing or unknown.</exception>
    public static BenchmarkCase Parse(IReadOnlyDictionary<string, string> words)
    {
        int Number(string key) => words.TryGetValue(key, out string? value)
            ? int.Parse(value)
            : throw new ArgumentException($"{key}=<number> is missing");
        var context = LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = Number("threads") });
        string operation = words["op"], type = words["dtype"];
        if (operation == "ffn")
        {
            return new GatedFfnCase(context, Number("length"), Number("width"), Number("hidden"));
        }
        var form = operation == "shared" ? HistoryForm.Shared : HistoryForm.Projected;
        var sizes = new AttentionSizes(Number("targets"), Number("heads"), Number("width"), Number("length"), form);
        return (operation, type) switch
        {
            ("cross" or "shared", "fp32") => new CrossAttentionCase<float>(context, sizes),
            ("cross" or "shared", "bf16") => new CrossAttentionCase<BFloat16>(context, sizes),
            ("cross" or "shared", "fp16") => new CrossAttentionCase<Half>(context, sizes),
            ("cross-backward", "fp32") => new CrossAttentionBackwardCase(context, sizes),
            _ => throw new ArgumentException($"op={operation} dtype={type} is unknown"),
        };
    }
}

namespace LongSeqKernels.Benchmarks;

/// <summary>One history and its targets.</summary>
/// <param name="Targets">T.</param>
/// <param name="Heads">H, also of keys and values unless the history is shared.</param>
/// <param name="Width">Head width.</param>
/// <param name="Length">History events.</param>
/// <param name="Form">Projected or shared.</param>
internal sealed record AttentionSizes(int Targets, int Heads, int Width, int Length, HistoryForm Form = HistoryForm.Projected)
{
    /// <summary>Elements of keys (and of values).</summary>
    public long HistoryElements => (long)Length * Width * (Form == HistoryForm.Shared ? 1 : Heads);

    /// <summary>Elements of queries and of output.</summary>
    public long QueryElements => (long)Targets * Heads * Width;

    /// <summary>The shape of the operation.</summary>
    public CrossAttentionShape Shape => new()
    {
        Targets = JaggedLayout.Uniform(1, Targets),
        History = JaggedLayout.Uniform(1, Length),
        Heads = Heads,
        HeadWidth = Width,
        Form = Form,
    };

    /// <summary>The options of the operation.</summary>
    public CrossAttentionOptions Options => new() { Scale = 1f / MathF.Sqrt(Width) };
}

/// <summary>Cross attention forward.</summary>
internal sealed class CrossAttentionCase<T> : BenchmarkCase
    where T : unmanaged
{
    private readonly AttentionSizes _sizes;
    private readonly CrossAttentionPlan _plan;
    private readonly T[] _queries;
    private readonly T[] _keys;
    private readonly T[] _values;
    private readonly T[] _output;

    /// <summary>Makes the inputs; a plan of another operation on the same tensors (pooling) may be given.</summary>
    public CrossAttentionCase(LongSeqContext context, AttentionSizes sizes, CrossAttentionPlan? plan = null)
        : base(context)
    {
        _sizes = sizes;
        _plan = plan ?? CrossAttention.Plan(context, sizes.Shape, sizes.Options);
        _queries = Inputs.Uniform<T>(sizes.QueryElements, 1);
        _keys = Inputs.Uniform<T>(sizes.HistoryElements, 2);
        _values = sizes.Form == HistoryForm.Shared ? [] : Inputs.Uniform<T>(sizes.HistoryElements, 3);
        _output = GC.AllocateUninitializedArray<T>(_queries.Length, pinned: true);
    }

    public override double Flops => 4.0 * _sizes.Targets * _sizes.Heads * _sizes.Width * _sizes.Length;

    public override unsafe double Bytes => sizeof(T) * (double)(_keys.Length + _values.Length + _queries.Length + _output.Length);

    public override void Run() => CrossAttention.Forward<T>(_plan, _queries, _keys, _values, _output);

    public override IEnumerable<double> Result() => _output.Select(x => (double)Element<T>.ToSingle(x));
}

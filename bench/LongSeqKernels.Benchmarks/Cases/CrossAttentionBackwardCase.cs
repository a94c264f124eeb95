namespace LongSeqKernels.Benchmarks;

/// <summary>Cross attention backward, all gradients, fp32. The result compared between workers is the keys' gradient.</summary>
internal sealed class CrossAttentionBackwardCase : BenchmarkCase
{
    private readonly AttentionSizes _sizes;
    private readonly CrossAttentionPlan _plan;
    private readonly float[] _queries;
    private readonly float[] _keys;
    private readonly float[] _values;
    private readonly float[] _output;
    private readonly float[] _logSumExp;
    private readonly float[] _outputGradient;
    private readonly float[] _queryGradient;
    private readonly float[] _keyGradient;
    private readonly float[] _valueGradient;

    public CrossAttentionBackwardCase(LongSeqContext context, AttentionSizes sizes)
        : base(context)
    {
        _sizes = sizes;
        _plan = CrossAttention.Plan(context, sizes.Shape, sizes.Options);
        _queries = Inputs.Uniform<float>(sizes.QueryElements, 1);
        _keys = Inputs.Uniform<float>(sizes.HistoryElements, 2);
        _values = sizes.Form == HistoryForm.Shared ? [] : Inputs.Uniform<float>(sizes.HistoryElements, 3);
        _outputGradient = Inputs.Uniform<float>(sizes.QueryElements, 4);
        _output = new float[_queries.Length];
        _logSumExp = new float[sizes.Targets * sizes.Heads];
        _queryGradient = new float[_queries.Length];
        _keyGradient = new float[_keys.Length];
        _valueGradient = new float[_values.Length];
        CrossAttention.Forward<float>(_plan, _queries, _keys, _values, _output, _logSumExp);
    }

    public override double Flops => 10.0 * _sizes.Targets * _sizes.Heads * _sizes.Width * _sizes.Length;

    public override double Bytes => sizeof(float) * (2.0 * (_keys.Length + _values.Length) + (4.0 * _queries.Length));

    public override void Run() => CrossAttention.Backward<float>(
        _plan, _queries, _keys, _values, _output, _logSumExp, _outputGradient, _queryGradient, _keyGradient, _valueGradient);

    public override IEnumerable<double> Result() => _keyGradient.Select(x => (double)x);
}

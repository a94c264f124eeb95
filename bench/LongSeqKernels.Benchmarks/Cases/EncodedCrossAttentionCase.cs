namespace LongSeqKernels.Benchmarks;

/// <summary>How the history of a <see cref="EncodedCrossAttentionCase"/> is stored and read.</summary>
public enum HistoryStorage
{
    /// <summary>fp32, read where it lies: the rows that a cache would hold without an encoding.</summary>
    Float32,

    /// <summary>fp16, decoded inside the attention.</summary>
    Float16,

    /// <summary>int8, decoded inside the attention.</summary>
    Int8,

    /// <summary>int4, decoded inside the attention.</summary>
    Int4,

    /// <summary>int8, decoded to fp32 rows first, which are then attended to.</summary>
    Int8DecodedFirst,
}

/// <summary>fp32 queries to a history of encoded rows.</summary>
internal sealed class EncodedCrossAttentionCase : BenchmarkCase
{
    private readonly AttentionSizes _sizes;
    private readonly HistoryStorage _storage;
    private readonly SummaryEncoding _encoding;
    private readonly CrossAttentionPlan _plan;
    private readonly float[] _queries;
    private readonly float[] _keys;
    private readonly float[] _values;
    private readonly byte[] _keyCodes;
    private readonly byte[] _valueCodes;
    private readonly float[] _keyScales;
    private readonly float[] _valueScales;
    private readonly float[] _output;

    public EncodedCrossAttentionCase(LongSeqContext context, AttentionSizes sizes, HistoryStorage storage)
        : base(context)
    {
        _sizes = sizes;
        _storage = storage;
        _encoding = storage switch
        {
            HistoryStorage.Float16 => SummaryEncoding.Float16,
            HistoryStorage.Int4 => SummaryEncoding.Int4,
            _ => SummaryEncoding.Int8,
        };
        _plan = CrossAttention.Plan(context, sizes.Shape with { HistoryEncoding = IsDecodedInside ? _encoding : null }, sizes.Options);
        _queries = Inputs.Uniform<float>(sizes.QueryElements, 1);
        _keys = Inputs.Uniform<float>(sizes.HistoryElements, 2);
        _values = Inputs.Uniform<float>(sizes.HistoryElements, 3);
        _output = GC.AllocateUninitializedArray<float>(_queries.Length, pinned: true);
        (_keyCodes, _keyScales) = Encode(_keys);
        (_valueCodes, _valueScales) = Encode(_values);
    }

    public override double Flops => 4.0 * _sizes.QueryElements * _sizes.Length;

    public override double Bytes
    {
        get
        {
            double history = _storage == HistoryStorage.Float32
                ? sizeof(float) * 2.0 * _keys.Length
                : 2.0 * (_keyCodes.Length + (sizeof(float) * _keyScales.Length));
            return history + (sizeof(float) * 2.0 * _queries.Length);
        }
    }

    private bool IsDecodedInside => _storage is not (HistoryStorage.Float32 or HistoryStorage.Int8DecodedFirst);

    public override void Run()
    {
        if (IsDecodedInside)
        {
            CrossAttention.ForwardEncoded<float>(
                _plan,
                _queries,
                new EncodedRows { Codes = _keyCodes, Scales = _keyScales },
                new EncodedRows { Codes = _valueCodes, Scales = _valueScales },
                _output);
            return;
        }
        if (_storage == HistoryStorage.Int8DecodedFirst)
        {
            SummaryCodec.Decode(Context, _encoding, _sizes.Width, _keyCodes, _keyScales, _keys);
            SummaryCodec.Decode(Context, _encoding, _sizes.Width, _valueCodes, _valueScales, _values);
        }
        CrossAttention.Forward<float>(_plan, _queries, _keys, _values, _output);
    }

    public override IEnumerable<double> Result() => _output.Select(x => (double)x);

    private (byte[] Codes, float[] Scales) Encode(float[] rows)
    {
        var codes = new byte[rows.Length / _sizes.Width * SummaryCodec.RowBytes(_encoding, _sizes.Width)];
        var scales = new float[rows.Length / _sizes.Width];
        SummaryCodec.Encode(Context, _encoding, _sizes.Width, rows, codes, scales);
        return (codes, scales);
    }
}

namespace LongSeqKernels.Benchmarks;

/// <summary>Gated FFN and layer norm, fp32.</summary>
internal sealed class GatedFfnCase : BenchmarkCase
{
    private readonly GatedFfnShape _shape;
    private readonly float[] _input;
    private readonly float[] _up;
    private readonly float[] _gate;
    private readonly float[] _down;
    private readonly float[] _output;

    public GatedFfnCase(LongSeqContext context, int rows, int width, int hidden)
        : base(context)
    {
        _shape = new GatedFfnShape(rows, width, hidden);
        _input = Inputs.Uniform<float>((long)rows * width, 1);
        _up = Inputs.Uniform<float>((long)width * hidden, 2, 1f / MathF.Sqrt(width));
        _gate = Inputs.Uniform<float>((long)width * hidden, 3, 1f / MathF.Sqrt(width));
        _down = Inputs.Uniform<float>((long)hidden * width, 4, 1f / MathF.Sqrt(hidden));
        _output = new float[_input.Length];
    }

    public override double Flops => 6.0 * _shape.Rows * _shape.Width * _shape.HiddenWidth;

    public override double Bytes => sizeof(float) * ((2.0 * _input.Length) + (3.0 * _up.Length));

    public override void Run() => GatedFfn.Forward(Context, _shape, _input, new GatedFfnWeights<float> { Up = _up, Gate = _gate, Down = _down }, _output);

    public override IEnumerable<double> Result() => _output.Select(x => (double)x);
}

namespace LongSeqKernels;

// Gated FFN: y = LN((u * silu(g)) W_o + b_o) with u = x W_u + b_u and g = x W_v + b_v.
internal sealed partial class ReferenceKernels
{
    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        for (int row = 0; row < shape.Rows; row++)
        {
            GatedRow hidden = Hidden(shape, LoadRow(Row(input, row, shape.Width)), weights);
            double[] y = shape.Norm == FfnNorm.LayerNorm
                ? Norm(hidden.Output, shape.Epsilon, weights.NormGain, weights.NormBias)
                : hidden.Output;
            Store(y, Row(output, row, shape.Width));
        }
    }

    public void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        var up = new double[weights.Up.Length];
        var gate = new double[weights.Gate.Length];
        var down = new double[weights.Down.Length];
        var upBias = new double[shape.HiddenWidth];
        var gateBias = new double[shape.HiddenWidth];
        var downBias = new double[shape.Width];
        var normGain = new double[shape.Width];
        var normBias = new double[shape.Width];
        for (int row = 0; row < shape.Rows; row++)
        {
            double[] x = LoadRow(Row(input, row, shape.Width));
            GatedRow hidden = Hidden(shape, x, weights);
            double[] gradient = LoadRow(Row(outputGradient, row, shape.Width));
            if (shape.Norm == FfnNorm.LayerNorm)
            {
                gradient = NormGradient(hidden.Output, shape.Epsilon, weights.NormGain, gradient, normGain, normBias);
            }

            double[] hiddenGradient = MultiplyGradient(hidden.Hidden, weights.Down, gradient, down, downBias);
            var upGradient = new double[shape.HiddenWidth];
            var gateGradient = new double[shape.HiddenWidth];
            for (int i = 0; i < shape.HiddenWidth; i++)
            {
                upGradient[i] = hiddenGradient[i] * Silu(hidden.Gate[i]);
                gateGradient[i] = hiddenGradient[i] * hidden.Up[i] * SiluDerivative(hidden.Gate[i]);
            }
            double[] rowGradient = MultiplyGradient(x, weights.Up, upGradient, up, upBias);
            AddScaled<double>(rowGradient, 1, MultiplyGradient(x, weights.Gate, gateGradient, gate, gateBias));
            if (!inputGradient.IsEmpty)
            {
                Store(rowGradient, Row(inputGradient, row, shape.Width), mode);
            }
        }

        Store(up, gradients.Up, mode);
        Store(gate, gradients.Gate, mode);
        Store(down, gradients.Down, mode);
        Store(upBias, gradients.UpBias, mode);
        Store(gateBias, gradients.GateBias, mode);
        Store(downBias, gradients.DownBias, mode);
        Store(normGain, gradients.NormGain, mode);
        Store(normBias, gradients.NormBias, mode);
    }

    /// <summary>What a row goes through before the norm.</summary>
    private readonly record struct GatedRow(double[] Up, double[] Gate, double[] Hidden, double[] Output);

    private static GatedRow Hidden<T>(GatedFfnShape shape, ReadOnlySpan<double> x, GatedFfnWeights<T> weights)
        where T : unmanaged
    {
        double[] up = Multiply(x, weights.Up, weights.UpBias, shape.HiddenWidth);
        double[] gate = Multiply(x, weights.Gate, weights.GateBias, shape.HiddenWidth);
        var hidden = new double[shape.HiddenWidth];
        for (int i = 0; i < hidden.Length; i++)
        {
            hidden[i] = up[i] * Silu(gate[i]);
        }
        return new GatedRow(up, gate, hidden, Multiply(hidden, weights.Down, weights.DownBias, shape.Width));
    }
}

namespace LongSeqKernels.Models.Tests;

/// <summary>Layers in double precision, row by row, over a model's weights by their names.</summary>
internal sealed class TwinLayers(ParameterSet parameters, VistaConfig config)
{
    private readonly Dictionary<string, double[][]> _weights = parameters.Parameters.ToDictionary(
        parameter => parameter.Name,
        parameter => Cut(parameter.Values.ToArray(), parameter.Shape.Count == 1 ? parameter.Length : parameter.Shape[^1]));

    private readonly Dictionary<string, double[][]> _tables = parameters.Tables.ToDictionary(table => table.Name, table => Cut(table.Values.ToArray(), table.Width));

    public double[][] Rows(string name) => _weights[name];

    public double[] Row(string name, int row) => _weights[name][row];

    public double[] TableRow(string name, int row) => _tables[name][row];

    public static double[] Sum(double[] left, double[] right) => [.. left.Zip(right, (x, y) => x + y)];

    public static double[] Scale(double[] row, double factor) => [.. row.Select(x => factor * x)];

    public static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }
        return sum;
    }

    public static double Silu(double x) => x / (1 + Math.Exp(-x));

    public static double[] Softmax(double[] logits)
    {
        if (logits.Length == 0)
        {
            return [];
        }
        double max = logits.Max();
        double[] weights = [.. logits.Select(x => Math.Exp(x - max))];
        return Scale(weights, 1 / weights.Sum());
    }

    /// <summary><c>x W + b</c> of a linear layer.</summary>
    public double[] Linear(string name, double[] row) => Product(row, $"{name}.weight", $"{name}.bias");

    public double[] Norm(string name, double[] row)
    {
        double mean = row.Average();
        double deviation = Math.Sqrt(row.Average(x => (x - mean) * (x - mean)) + 1e-5);
        double[] normalised = [.. row.Select(x => (x - mean) / deviation)];
        return _weights.TryGetValue($"{name}.gain", out double[][]? gain) ? [.. normalised.Select((x, i) => (x * gain[0][i]) + _weights[$"{name}.bias"][0][i])] : normalised;
    }

    public double[] Ffn(string name, double[] row)
    {
        double[] up = Product(row, $"{name}.up", $"{name}.up_bias");
        double[] gate = Product(row, $"{name}.gate", $"{name}.gate_bias");
        return Product([.. up.Zip(gate, (x, y) => x * Silu(y))], $"{name}.down", $"{name}.down_bias");
    }

    /// <summary>One layer of quasi-linear attention for a row that reads what <paramref name="written"/> rows wrote.</summary>
    public double[] QuasiLinear(string name, double[] row, double[][] written)
    {
        double[] normalised = Norm($"{name}.norm", row);
        double[] query = Linear($"{name}.query", normalised);
        double[][] rows = [.. written.Select(other => Norm($"{name}.norm", other))];
        double[][] keys = [.. rows.Select(other => Linear($"{name}.key", other))];
        double[][] values = [.. rows.Select(other => Linear($"{name}.value", other))];
        double scale = config.StateScale switch
        {
            StateScale.One => 1,
            StateScale.InverseRows => 1.0 / Math.Max(1, written.Length),
            _ => 1 / Math.Sqrt(Math.Max(1, written.Length)),
        };
        var attended = new double[config.Width];
        for (int i = 0; i < config.Width; i++)
        {
            int first = i / config.HeadWidth * config.HeadWidth;
            for (int k = first; k < first + config.HeadWidth; k++)
            {
                double state = 0;
                for (int j = 0; j < keys.Length; j++)
                {
                    state += Activate(config.RowActivation, keys[j][k]) * values[j][i];
                }
                attended[i] += Activate(config.RowActivation, query[k]) * Activate(config.StateActivation, scale * state);
            }
        }
        double[] mixed = config.AttentionLayerNorm ? Norm($"{name}.attention_norm", attended) : attended;
        mixed = Sum(mixed, config.Residual == ResidualSource.Input ? row : normalised);
        return config.GatedFfn ? Sum(mixed, Ffn($"{name}.ffn", Norm($"{name}.ffn_norm", mixed))) : mixed;
    }

    /// <summary>A pre-norm transformer layer for a row that sees rows, all of them normalised.</summary>
    public double[] Transformer(string name, double[] row, double[] normalised, double[][] seen, AttentionScore score)
    {
        double[] attended = Attend(
            Linear($"{name}.query", normalised), [.. seen.Select(other => Linear($"{name}.key", other))], [.. seen.Select(other => Linear($"{name}.value", other))], score);
        double[] mixed = Sum(row, Linear($"{name}.output", attended));
        return Sum(mixed, Ffn($"{name}.ffn", Norm($"{name}.ffn_norm", mixed)));
    }

    /// <summary>STCA's attention: matrices without a suffix, biases of queries and output.</summary>
    public double[] StcaAttention(string name, double[] row, double[][] seen, AttentionScore score)
    {
        double[] attended = Attend(
            Product(row, $"{name}.query", $"{name}.query_bias"),
            [.. seen.Select(other => Product(other, $"{name}.key"))],
            [.. seen.Select(other => Product(other, $"{name}.value"))],
            score);
        return Product(attended, $"{name}.output", $"{name}.output_bias");
    }

    /// <summary>The second half of a post-norm block.</summary>
    public double[] PostNorm(string name, double[] row, double[] attended)
    {
        double[] hidden = Norm($"{name}.norm", Sum(row, attended));
        return Norm($"{name}.ffn_norm", Sum(hidden, Ffn($"{name}.ffn", hidden)));
    }

    private double[] Attend(double[] query, double[][] keys, double[][] values, AttentionScore score)
    {
        var result = new double[config.Width];
        for (int head = 0; head < config.Heads; head++)
        {
            Range columns = (head * config.HeadWidth)..((head + 1) * config.HeadWidth);
            double[] logits = [.. keys.Select(key => Dot(query[columns], key[columns]) / Math.Sqrt(config.HeadWidth))];
            double[] weights = score == AttentionScore.Softmax ? Softmax(logits) : [.. logits.Select(x => Silu(x) / logits.Length)];
            for (int j = 0; j < weights.Length; j++)
            {
                for (int i = columns.Start.Value; i < columns.End.Value; i++)
                {
                    result[i] += weights[j] * values[j][i];
                }
            }
        }
        return result;
    }

    private double[] Product(double[] row, string weight, string? bias = null)
    {
        double[][] matrix = _weights[weight];
        double[] result = bias is not null && _weights.TryGetValue(bias, out double[][]? start) ? [.. start[0]] : new double[matrix[0].Length];
        for (int i = 0; i < row.Length; i++)
        {
            for (int j = 0; j < result.Length; j++)
            {
                result[j] += row[i] * matrix[i][j];
            }
        }
        return result;
    }

    private static double Activate(LinearActivation activation, double x) => activation switch
    {
        LinearActivation.Silu => Silu(x),
        LinearActivation.ShiftedElu => x >= 1 ? x : Math.Exp(x - 1),
        _ => x,
    };

    private static double[][] Cut(float[] values, int width) => [.. values.Chunk(width).Select(row => row.Select(x => (double)x).ToArray())];
}

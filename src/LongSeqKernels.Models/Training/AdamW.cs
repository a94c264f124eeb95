using System.Numerics;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Models;

/// <summary>Settings of <see cref="AdamW"/>.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the gradient's running mean, from 0 to below 1.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>Decay of the squared gradient's running mean, from 0 to below 1.</summary>
    public float Beta2 { get; init; } = 0.99f;

    /// <summary>Added to the root of the squared gradient's mean.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>Decoupled weight decay of matrices, per step and unit of learning rate; biases, norms and embedding tables never decay.</summary>
    public float WeightDecay { get; init; } = 0.01f;

    /// <summary>Learning rate of the embedding tables of items and categories over that of the rest.</summary>
    public float TableRate { get; init; } = 1;

    internal void Validate()
    {
        Unit(Beta1, nameof(Beta1));
        Unit(Beta2, nameof(Beta2));
        Check.FinitePositive(Epsilon);
        Check.FiniteNotNegative(WeightDecay);
        Check.FiniteNotNegative(TableRate);
    }

    private static void Unit(float value, string argument)
    {
        if (!(value is >= 0 and < 1))
        {
            throw Error.Range(argument, value, "from 0 to below 1");
        }
    }
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter). Dense parameters move at every step. Rows of embedding tables move only in steps that touched them;
/// their moments then first catch up on the decay of the steps in between, so a rare row has the moments that dense Adam would have, but does not drift on
/// momentum while it is not touched.
/// </summary>
public sealed class AdamW
{
    private readonly ParameterSet _parameters;
    private readonly AdamWOptions _options;

    /// <summary>Starts with moments 0.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public AdamW(ParameterSet parameters, AdamWOptions options)
    {
        options.Validate();
        _parameters = parameters;
        _options = options;
        DenseMean = new float[parameters.DenseValues.Length];
        DenseSquare = new float[parameters.DenseValues.Length];
        Tables = [.. parameters.Tables.Select(table => new TableMoments(table))];
    }

    /// <summary>Steps taken.</summary>
    public long Step { get; internal set; }

    internal float[] DenseMean { get; }

    internal float[] DenseSquare { get; }

    internal IReadOnlyList<TableMoments> Tables { get; }

    /// <summary>Moves the parameters against their gradients.</summary>
    /// <param name="learningRate">0 or more.</param>
    /// <param name="gradientScale">Factor of every gradient (clipping).</param>
    public void Update(double learningRate, double gradientScale)
    {
        Step++;
        var rates = new Rates
        {
            Beta1 = _options.Beta1,
            Beta2 = _options.Beta2,
            Scale = (float)gradientScale,
            Rate = (float)(learningRate / (1 - Math.Pow(_options.Beta1, Step))),
            SquareCorrection = (float)(1 / (1 - Math.Pow(_options.Beta2, Step))),
            Epsilon = _options.Epsilon,
        };
        foreach (Parameter parameter in _parameters.Parameters)
        {
            float keep = parameter.Kind == ParameterKind.Matrix ? (float)(1 - (learningRate * _options.WeightDecay)) : 1;
            Move(rates with { Keep = keep, MeanDecay = rates.Beta1, SquareDecay = rates.Beta2 }, parameter.Values, parameter.Gradient, DenseMean.AsSpan(parameter.Start, parameter.Length), DenseSquare.AsSpan(parameter.Start, parameter.Length));
        }
        for (int i = 0; i < Tables.Count; i++)
        {
            MoveTouchedRows(rates with { Keep = 1, Rate = rates.Rate * _options.TableRate }, _parameters.Tables[i], Tables[i]);
        }
        _parameters.MarkChanged();
    }

    private void MoveTouchedRows(Rates rates, EmbeddingTable table, TableMoments moments)
    {
        ReadOnlySpan<int> rows = table.TouchedRows;
        int width = table.Width;
        for (int i = 0; i < rows.Length; i++)
        {
            int row = rows[i];
            long steps = Step - moments.LastStep[row];
            moments.LastStep[row] = Step;
            Rates current = rates with { MeanDecay = (float)Math.Pow(_options.Beta1, steps), SquareDecay = (float)Math.Pow(_options.Beta2, steps) };
            Move(current, table.Row(row), table.Gradient.Slice(i * width, width), moments.Mean.AsSpan(row * width, width), moments.Square.AsSpan(row * width, width));
        }
    }

    // Element-wise, without fused operations: the same bits whatever the vector width.
    private static void Move(Rates rates, Span<float> values, ReadOnlySpan<float> gradients, Span<float> means, Span<float> squares)
    {
        int vectors = values.Length - (values.Length % Vector<float>.Count);
        Span<Vector<float>> value = MemoryMarshal.Cast<float, Vector<float>>(values[..vectors]);
        ReadOnlySpan<Vector<float>> gradient = MemoryMarshal.Cast<float, Vector<float>>(gradients[..vectors]);
        Span<Vector<float>> mean = MemoryMarshal.Cast<float, Vector<float>>(means[..vectors]);
        Span<Vector<float>> square = MemoryMarshal.Cast<float, Vector<float>>(squares[..vectors]);
        var epsilon = new Vector<float>(rates.Epsilon);
        for (int i = 0; i < value.Length; i++)
        {
            Vector<float> g = gradient[i] * rates.Scale;
            Vector<float> m = (mean[i] * rates.MeanDecay) + (g * (1 - rates.Beta1));
            Vector<float> v = (square[i] * rates.SquareDecay) + (g * g * (1 - rates.Beta2));
            mean[i] = m;
            square[i] = v;
            value[i] = (value[i] * rates.Keep) - (m * rates.Rate / (Vector.SquareRoot(v * rates.SquareCorrection) + epsilon));
        }
        for (int i = vectors; i < values.Length; i++)
        {
            float g = gradients[i] * rates.Scale;
            means[i] = (means[i] * rates.MeanDecay) + (g * (1 - rates.Beta1));
            squares[i] = (squares[i] * rates.SquareDecay) + (g * g * (1 - rates.Beta2));
            values[i] = (values[i] * rates.Keep) - (means[i] * rates.Rate / (MathF.Sqrt(squares[i] * rates.SquareCorrection) + rates.Epsilon));
        }
    }

    private readonly record struct Rates
    {
        public float Beta1 { get; init; }

        public float Beta2 { get; init; }

        public float MeanDecay { get; init; }

        public float SquareDecay { get; init; }

        public float Scale { get; init; }

        public float Rate { get; init; }

        public float SquareCorrection { get; init; }

        public float Epsilon { get; init; }

        public float Keep { get; init; }
    }
}

/// <summary>The moments of an embedding table's rows, and the step that touched each row last.</summary>
internal sealed class TableMoments(EmbeddingTable table)
{
    public float[] Mean { get; } = new float[table.Storage.Length];

    public float[] Square { get; } = new float[table.Storage.Length];

    public long[] LastStep { get; } = new long[table.Rows];
}

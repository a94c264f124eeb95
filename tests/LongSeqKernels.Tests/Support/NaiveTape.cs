namespace LongSeqKernels.Tests;

/// <summary>
/// What anybody would write first with a tensor library: whole matrices, one primitive after the other, every result stored as
/// <typeparamref name="T"/>, sums in fp32, gradients by the chain rule. It sets the bar of <see cref="Tolerance.AssertFlashRule{T}"/>, and as its
/// gradients come from primitives, it is a second opinion on every backward.
/// </summary>
internal sealed class NaiveTape<T>
    where T : unmanaged
{
    private readonly Stack<Action> _backward = new();

    /// <summary>An input <c>[rows, columns]</c>.</summary>
    public NaiveMatrix Input(ReadOnlySpan<float> values, int rows, int columns)
    {
        NaiveMatrix matrix = new(rows, columns);
        values.CopyTo(matrix.Values);
        return matrix;
    }

    /// <summary>Gradients of everything, given those of the outputs in their <see cref="NaiveMatrix.Gradient"/>.</summary>
    public void Backward()
    {
        while (_backward.TryPop(out Action? step))
        {
            step();
        }
    }

    public NaiveMatrix Multiply(NaiveMatrix left, NaiveMatrix right)
    {
        NaiveMatrix product = new(left.Rows, right.Columns);
        AddProduct(product.Values, left.Values, right.Values, left.Rows, left.Columns, right.Columns, Factors.Plain);
        _backward.Push(() =>
        {
            AddProduct(left.Gradient, product.Gradient, right.Values, left.Rows, right.Columns, left.Columns, Factors.RightTransposed);
            AddProduct(right.Gradient, left.Values, product.Gradient, left.Columns, left.Rows, right.Columns, Factors.LeftTransposed);
        });
        return product;
    }

    public NaiveMatrix Transpose(NaiveMatrix input)
    {
        NaiveMatrix result = new(input.Columns, input.Rows);
        void Copy(float[] from, float[] to, int rows, int columns)
        {
            for (int i = 0; i < rows * columns; i++)
            {
                int target = (i % columns * rows) + (i / columns);
                to[target] = Round(to[target] + from[i]);
            }
        }
        Copy(input.Values, result.Values, input.Rows, input.Columns);
        _backward.Push(() => Copy(result.Gradient, input.Gradient, input.Columns, input.Rows));
        return result;
    }

    /// <summary>A copy of a block.</summary>
    public NaiveMatrix Block(NaiveMatrix input, int row, int rows, int column, int columns)
    {
        NaiveMatrix block = new(rows, columns);
        EachPair(rows, columns, (i, j) => block.Values[(i * columns) + j] = input.Values[((row + i) * input.Columns) + column + j]);
        _backward.Push(() => EachPair(rows, columns, (i, j) =>
            Add(ref input.Gradient[((row + i) * input.Columns) + column + j], block.Gradient[(i * columns) + j])));
        return block;
    }

    /// <summary>Writes a block into a larger matrix of zeros.</summary>
    public void Place(NaiveMatrix target, int row, int column, NaiveMatrix block)
    {
        EachPair(block.Rows, block.Columns, (i, j) => target.Values[((row + i) * target.Columns) + column + j] = block.Values[(i * block.Columns) + j]);
        _backward.Push(() => EachPair(block.Rows, block.Columns, (i, j) =>
            Add(ref block.Gradient[(i * block.Columns) + j], target.Gradient[((row + i) * target.Columns) + column + j])));
    }

    public NaiveMatrix Map(NaiveMatrix input, Func<float, float> function, Func<float, float> derivative)
    {
        NaiveMatrix result = new(input.Rows, input.Columns);
        for (int i = 0; i < result.Values.Length; i++)
        {
            result.Values[i] = Round(function(input.Values[i]));
        }
        _backward.Push(() =>
        {
            for (int i = 0; i < result.Values.Length; i++)
            {
                Add(ref input.Gradient[i], Round(result.Gradient[i] * derivative(input.Values[i])));
            }
        });
        return result;
    }

    public NaiveMatrix Scale(NaiveMatrix input, float factor) => Map(input, x => factor * x, _ => factor);

    public NaiveMatrix Silu(NaiveMatrix input) => Map(input, x => x * Sigmoid(x), x => Sigmoid(x) * (1 + (x * (1 - Sigmoid(x)))));

    /// <summary>Element-wise sum; a right side of one row is added to every row.</summary>
    public NaiveMatrix Add(NaiveMatrix left, NaiveMatrix right) => Combine(left, right, (x, y) => x + y, (_, _) => 1, (_, _) => 1);

    /// <summary>Element-wise product; a right side of one row multiplies every row.</summary>
    public NaiveMatrix Hadamard(NaiveMatrix left, NaiveMatrix right) => Combine(left, right, (x, y) => x * y, (_, y) => y, (x, _) => x);

    /// <summary>Multiplies every row by its element of a column <c>[rows, 1]</c>.</summary>
    public NaiveMatrix ScaleRows(NaiveMatrix input, NaiveMatrix column)
    {
        NaiveMatrix ones = Input(Enumerable.Repeat(1f, input.Columns).ToArray(), 1, input.Columns);
        return Hadamard(input, Multiply(column, ones));
    }

    /// <summary>Sum over the columns, <c>[rows, 1]</c>.</summary>
    public NaiveMatrix SumColumns(NaiveMatrix input) =>
        Multiply(input, Input(Enumerable.Repeat(1f, input.Columns).ToArray(), input.Columns, 1));

    /// <summary>Softmax of the first <paramref name="visible"/> elements of each row; the others get 0, as do rows without any.</summary>
    public NaiveMatrix Softmax(NaiveMatrix input, IReadOnlyList<int> visible)
    {
        NaiveMatrix result = new(input.Rows, input.Columns);
        for (int row = 0; row < input.Rows; row++)
        {
            SoftmaxRow(input.Values.AsSpan(row * input.Columns, visible[row]), result.Values.AsSpan(row * input.Columns));
        }
        _backward.Push(() =>
        {
            for (int row = 0; row < input.Rows; row++)
            {
                int start = row * input.Columns;
                float mean = 0;
                for (int j = start; j < start + visible[row]; j++)
                {
                    mean += result.Values[j] * result.Gradient[j];
                }
                for (int j = start; j < start + visible[row]; j++)
                {
                    Add(ref input.Gradient[j], Round(result.Values[j] * (result.Gradient[j] - mean)));
                }
            }
        });
        return result;
    }

    /// <summary>Natural-log LSE of the first <paramref name="visible"/> elements of each row, <c>[rows, 1]</c>.</summary>
    public NaiveMatrix LogSumExp(NaiveMatrix input, IReadOnlyList<int> visible)
    {
        NaiveMatrix result = new(input.Rows, 1);
        NaiveMatrix weights = new(input.Rows, input.Columns);
        for (int row = 0; row < input.Rows; row++)
        {
            int start = row * input.Columns;
            result.Values[row] = Round(SoftmaxRow(input.Values.AsSpan(start, visible[row]), weights.Values.AsSpan(start)));
        }
        _backward.Push(() =>
        {
            for (int i = 0; i < weights.Values.Length; i++)
            {
                Add(ref input.Gradient[i], Round(weights.Values[i] * result.Gradient[i / input.Columns]));
            }
        });
        return result;
    }

    /// <summary>Rows minus their mean, over their deviation.</summary>
    public NaiveMatrix Normalise(NaiveMatrix input, float epsilon)
    {
        NaiveMatrix result = new(input.Rows, input.Columns);
        int width = input.Columns;
        var inverse = new float[input.Rows];
        for (int row = 0; row < input.Rows; row++)
        {
            ReadOnlySpan<float> x = input.Values.AsSpan(row * width, width);
            float mean = Sum(x) / width;
            float variance = 0;
            foreach (float value in x)
            {
                variance += (value - mean) * (value - mean) / width;
            }
            inverse[row] = 1 / MathF.Sqrt(variance + epsilon);
            for (int i = 0; i < width; i++)
            {
                result.Values[(row * width) + i] = Round((x[i] - mean) * inverse[row]);
            }
        }
        _backward.Push(() =>
        {
            for (int row = 0; row < input.Rows; row++)
            {
                int start = row * width;
                float meanGradient = Sum(result.Gradient.AsSpan(start, width)) / width;
                float meanProduct = 0;
                for (int i = start; i < start + width; i++)
                {
                    meanProduct += result.Gradient[i] * result.Values[i] / width;
                }
                for (int i = start; i < start + width; i++)
                {
                    Add(ref input.Gradient[i], Round((result.Gradient[i] - meanGradient - (result.Values[i] * meanProduct)) * inverse[row]));
                }
            }
        });
        return result;
    }

    private NaiveMatrix Combine(
        NaiveMatrix left, NaiveMatrix right, Func<float, float, float> function, Func<float, float, float> byLeft, Func<float, float, float> byRight)
    {
        NaiveMatrix result = new(left.Rows, left.Columns);
        int Other(int i) => right.Rows == left.Rows ? i : i % left.Columns;
        for (int i = 0; i < result.Values.Length; i++)
        {
            result.Values[i] = Round(function(left.Values[i], right.Values[Other(i)]));
        }
        _backward.Push(() =>
        {
            for (int i = 0; i < result.Values.Length; i++)
            {
                float x = left.Values[i];
                float y = right.Values[Other(i)];
                Add(ref left.Gradient[i], Round(result.Gradient[i] * byLeft(x, y)));
                Add(ref right.Gradient[Other(i)], Round(result.Gradient[i] * byRight(x, y)));
            }
        });
        return result;
    }

    /// <summary>Weights of one row and its LSE, -infinity when nothing has any weight.</summary>
    private static float SoftmaxRow(ReadOnlySpan<float> logits, Span<float> weights)
    {
        float max = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            max = MathF.Max(max, logit);
        }
        if (max == float.NegativeInfinity)
        {
            return max;
        }
        float sum = 0;
        foreach (float logit in logits)
        {
            sum += MathF.Exp(logit - max);
        }
        for (int j = 0; j < logits.Length; j++)
        {
            weights[j] = Round(MathF.Exp(logits[j] - max) / sum);
        }
        return max + MathF.Log(sum);
    }

    private enum Factors
    {
        Plain,
        LeftTransposed,
        RightTransposed,
    }

    /// <summary><c>sum [rows, columns] += left [rows, inner] right [inner, columns]</c>, one of the two stored transposed.</summary>
    private static void AddProduct(float[] sum, float[] left, float[] right, int rows, int inner, int columns, Factors stored)
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                float dot = 0;
                for (int k = 0; k < inner; k++)
                {
                    dot += left[stored == Factors.LeftTransposed ? (k * rows) + i : (i * inner) + k]
                        * right[stored == Factors.RightTransposed ? (j * inner) + k : (k * columns) + j];
                }
                Add(ref sum[(i * columns) + j], dot);
            }
        }
    }

    private static void EachPair(int rows, int columns, Action<int, int> action)
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                action(i, j);
            }
        }
    }

    private static float Sum(ReadOnlySpan<float> values)
    {
        float sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }
        return sum;
    }

    private static void Add(ref float sum, float value) => sum = Round(sum + value);

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    private static float Round(float value) => Element<T>.ToSingle(Element<T>.FromSingle(value));
}

/// <summary>A matrix of a <see cref="NaiveTape{T}"/>, row by row.</summary>
internal sealed class NaiveMatrix(int rows, int columns)
{
    public int Rows => rows;

    public int Columns => columns;

    public float[] Values { get; } = new float[rows * columns];

    public float[] Gradient { get; } = new float[rows * columns];
}

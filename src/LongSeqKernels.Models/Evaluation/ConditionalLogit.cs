using System.Numerics;

namespace LongSeqKernels.Models;

/// <summary>
/// A conditional logit: the probability that a request's first target is chosen is the softmax over its targets of a linear function of their features. Fitted to
/// standardised features with a small ridge by Newton's method with step halving.
/// </summary>
internal sealed class ConditionalLogit
{
    private const double Ridge = 1e-3;
    private const int MaxIterations = 60;
    private readonly double[] _mean;
    private readonly double[] _scale;
    private readonly double[] _weights;

    private ConditionalLogit(double[] mean, double[] scale, double[] weights)
    {
        _mean = mean;
        _scale = scale;
        _weights = weights;
    }

    /// <summary>The score of a target.</summary>
    public double Score(ReadOnlySpan<float> features)
    {
        double score = 0;
        for (int i = 0; i < _weights.Length; i++)
        {
            score += (features[i] - _mean[i]) / _scale[i] * _weights[i];
        }
        return score;
    }

    /// <summary>Fits a model.</summary>
    /// <param name="requests">Targets per request; the first of each was chosen.</param>
    /// <param name="features">Features per target <c>[targets, stride]</c>.</param>
    /// <param name="stride">Features per row.</param>
    /// <param name="count">How many of them the model reads: the first ones.</param>
    /// <param name="cancellation">Stops the fit.</param>
    public static ConditionalLogit Fit(JaggedLayout requests, ReadOnlySpan<float> features, int stride, int count, CancellationToken cancellation)
    {
        int rows = (int)requests.Total;
        var (mean, scale) = Moments(features, stride, count, rows);
        // Rows are padded to whole vectors with zeros, which add nothing.
        int width = (count + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;
        var standard = new double[rows * width];
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < count; i++)
            {
                standard[(row * width) + i] = (features[(row * stride) + i] - mean[i]) / scale[i];
            }
        }
        var problem = new Problem(requests, standard, width, count);
        var weights = new double[count];
        double objective = problem.Objective(weights);
        for (int iteration = 0; iteration < MaxIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            double[] step = problem.NewtonStep(weights);
            double length = 1;
            double[] next = Moved(weights, step, length);
            double reached = problem.Objective(next);
            while (reached <= objective && length > 1e-6)
            {
                length /= 2;
                next = Moved(weights, step, length);
                reached = problem.Objective(next);
            }
            if (reached <= objective)
            {
                break;
            }
            bool done = reached - objective < 1e-9;
            (weights, objective) = (next, reached);
            if (done)
            {
                break;
            }
        }
        return new ConditionalLogit(mean, scale, weights);
    }

    private static double[] Moved(double[] weights, double[] step, double length) => [.. weights.Zip(step, (weight, change) => weight + (length * change))];

    private static (double[] Mean, double[] Scale) Moments(ReadOnlySpan<float> features, int stride, int count, int rows)
    {
        var mean = new double[count];
        var scale = new double[count];
        for (int i = 0; i < count; i++)
        {
            for (int row = 0; row < rows; row++)
            {
                mean[i] += features[(row * stride) + i];
            }
            mean[i] /= rows;
            for (int row = 0; row < rows; row++)
            {
                double centred = features[(row * stride) + i] - mean[i];
                scale[i] += centred * centred;
            }
            scale[i] = Math.Sqrt(scale[i] / rows) + 1e-6;
        }
        return (mean, scale);
    }

    /// <summary>The penalised log likelihood and its derivatives.</summary>
    private sealed class Problem(JaggedLayout requests, double[] rows, int width, int count)
    {
        /// <summary>Mean log likelihood less half the ridge's penalty.</summary>
        public double Objective(double[] weights)
        {
            double sum = 0;
            var probabilities = new double[requests.MaxLength];
            for (int request = 0; request < requests.Count; request++)
            {
                sum += Probabilities(request, weights, probabilities);
            }
            return (sum / requests.Count) - (Ridge / 2 * weights.Sum(weight => weight * weight));
        }

        /// <summary>The change that maximises the quadratic approximation.</summary>
        public double[] NewtonStep(double[] weights)
        {
            var gradient = new double[count];
            var hessian = new double[width * width];
            var probabilities = new double[requests.MaxLength];
            var mean = new double[width];
            var centred = new double[width];
            for (int request = 0; request < requests.Count; request++)
            {
                Probabilities(request, weights, probabilities);
                int first = (int)requests.Start(request);
                int length = (int)requests.Length(request);
                Array.Clear(mean);
                for (int t = 0; t < length; t++)
                {
                    AddScaled(Row(first + t), probabilities[t], mean);
                }
                for (int i = 0; i < count; i++)
                {
                    gradient[i] += rows[(first * width) + i] - mean[i];
                }
                for (int t = 0; t < length; t++)
                {
                    for (int i = 0; i < width; i++)
                    {
                        centred[i] = rows[((first + t) * width) + i] - mean[i];
                    }
                    for (int i = 0; i < count; i++)
                    {
                        AddScaled(centred, probabilities[t] * centred[i], hessian.AsSpan(i * width, width));
                    }
                }
            }
            var matrix = new double[count, count];
            for (int i = 0; i < count; i++)
            {
                gradient[i] = (gradient[i] / requests.Count) - (Ridge * weights[i]);
                for (int j = 0; j < count; j++)
                {
                    matrix[i, j] = (hessian[(i * width) + j] / requests.Count) + (i == j ? Ridge : 0);
                }
            }
            return Solve(matrix, gradient);
        }

        private ReadOnlySpan<double> Row(int row) => rows.AsSpan(row * width, width);

        /// <summary>Fills in the softmax of a request's scores; returns the log likelihood of its first target.</summary>
        private double Probabilities(int request, double[] weights, double[] probabilities)
        {
            int first = (int)requests.Start(request);
            int length = (int)requests.Length(request);
            double highest = double.NegativeInfinity;
            for (int t = 0; t < length; t++)
            {
                double score = 0;
                var row = Row(first + t);
                for (int i = 0; i < count; i++)
                {
                    score += row[i] * weights[i];
                }
                probabilities[t] = score;
                highest = Math.Max(highest, score);
            }
            double chosen = probabilities[0] - highest;
            double sum = 0;
            for (int t = 0; t < length; t++)
            {
                sum += probabilities[t] = Math.Exp(probabilities[t] - highest);
            }
            for (int t = 0; t < length; t++)
            {
                probabilities[t] /= sum;
            }
            return chosen - Math.Log(sum);
        }

        private static void AddScaled(ReadOnlySpan<double> values, double scale, Span<double> sums)
        {
            for (int i = 0; i < values.Length; i += Vector<double>.Count)
            {
                (new Vector<double>(sums[i..]) + (new Vector<double>(values[i..]) * scale)).CopyTo(sums[i..]);
            }
        }

        /// <summary>Solves a symmetric positive definite system (Cholesky); the ridge makes it so.</summary>
        private static double[] Solve(double[,] matrix, double[] right)
        {
            int n = right.Length;
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j <= i; j++)
                {
                    double sum = matrix[i, j];
                    for (int k = 0; k < j; k++)
                    {
                        sum -= matrix[i, k] * matrix[j, k];
                    }
                    matrix[i, j] = i == j ? Math.Sqrt(sum) : sum / matrix[j, j];
                }
            }
            var solution = (double[])right.Clone();
            for (int i = 0; i < n; i++)
            {
                for (int k = 0; k < i; k++)
                {
                    solution[i] -= matrix[i, k] * solution[k];
                }
                solution[i] /= matrix[i, i];
            }
            for (int i = n - 1; i >= 0; i--)
            {
                for (int k = i + 1; k < n; k++)
                {
                    solution[i] -= matrix[k, i] * solution[k];
                }
                solution[i] /= matrix[i, i];
            }
            return solution;
        }
    }
}

namespace LongSeqKernels.Cli;

/// <summary>How far one tensor of one case is from the reference.</summary>
/// <param name="Case">The case.</param>
/// <param name="Tensor">The output or gradient.</param>
/// <param name="Direction">Forward or backward.</param>
/// <param name="MaxError">Largest absolute difference from the reference; NaN when a value is not finite where the reference's is.</param>
/// <param name="Allowed">What is allowed.</param>
internal readonly record struct Deviation(VerificationCase Case, string Tensor, Direction Direction, double MaxError, double Allowed)
{
    public bool Passed => MaxError <= Allowed;

    /// <summary>Share of the allowance that was used; infinite when a value is not finite.</summary>
    public double Used => double.IsNaN(MaxError) ? double.PositiveInfinity : MaxError == 0 ? 0 : MaxError / Allowed;
}

/// <summary>
/// Compares a backend with the fp64 reference. The truth is the reference's result, in fp32, for inputs rounded to the storage type. Allowed is twice what
/// the truth changes when every input is rounded once more (no computation in that type can be expected to do better), plus one rounding of the
/// tensor's largest value; in fp32 also 1e-5 of the largest value.
/// </summary>
internal sealed class Verifier(LongSeqContext reference)
{
    private const int Perturbations = 2;
    private const double Float32Share = 1e-5;
    private const double Tiny = 1e-7;

    private readonly Dictionary<(VerificationCase, ElementType), (IReadOnlyList<Result> Truth, double[] Allowed)> _expected = [];

    /// <summary>Runs one case on a backend in one storage type.</summary>
    public IReadOnlyList<Deviation> Run<T>(LongSeqContext context, VerificationCase verification)
        where T : unmanaged
    {
        ElementType storage = Element<T>.Type;
        (IReadOnlyList<Result> truth, double[] allowed) = Expected(verification, storage);
        IReadOnlyList<Result> results = Results<T>(context, verification, new InputSource(Seed(verification), storage));
        var deviations = new List<Deviation>(results.Count);
        for (int i = 0; i < results.Count; i++)
        {
            if (results[i].Values.Length > 0)
            {
                deviations.Add(new Deviation(verification, results[i].Name, results[i].Direction, MaxDifference(results[i].Values, truth[i].Values), allowed[i]));
            }
        }
        return deviations;
    }

    /// <summary>Largest absolute difference; equal infinities do not differ; NaN when anything else is not finite.</summary>
    internal static double MaxDifference(ReadOnlySpan<float> values, ReadOnlySpan<float> truth)
    {
        double largest = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i].Equals(truth[i]) && !float.IsNaN(values[i]))
            {
                continue;
            }
            double difference = Math.Abs((double)values[i] - truth[i]);
            if (!double.IsFinite(difference))
            {
                return double.NaN;
            }
            largest = Math.Max(largest, difference);
        }
        return largest;
    }

    private (IReadOnlyList<Result> Truth, double[] Allowed) Expected(VerificationCase verification, ElementType storage)
    {
        if (_expected.TryGetValue((verification, storage), out var known))
        {
            return known;
        }
        int seed = Seed(verification);
        IReadOnlyList<Result> truth = Results<float>(reference, verification, new InputSource(seed, storage));
        var unavoidable = new double[truth.Count];
        for (int perturbation = 0; perturbation < Perturbations; perturbation++)
        {
            IReadOnlyList<Result> moved = Results<float>(reference, verification, new InputSource(seed, storage, perturbation));
            for (int i = 0; i < truth.Count; i++)
            {
                unavoidable[i] = Math.Max(unavoidable[i], MaxDifference(moved[i].Values, truth[i].Values));
            }
        }
        var allowed = new double[truth.Count];
        for (int i = 0; i < truth.Count; i++)
        {
            double largest = truth[i].Values.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
            double share = storage == ElementType.Float32 ? Float32Share : InputSource.UnitRoundoff(storage);
            allowed[i] = (2 * unavoidable[i]) + (share * largest) + Tiny;
        }
        return _expected[(verification, storage)] = (truth, allowed);
    }

    private static IReadOnlyList<Result> Results<T>(LongSeqContext context, VerificationCase verification, InputSource inputs)
        where T : unmanaged
    {
        var results = new ResultList();
        verification.Run<T>(context, inputs, results);
        return results.Items;
    }

    /// <summary>Every case has its own numbers, the same in every run.</summary>
    private static int Seed(VerificationCase verification)
    {
        uint hash = 2166136261;
        foreach (char letter in verification.Operation + verification.Shape)
        {
            hash = (hash ^ letter) * 16777619;
        }
        return (int)(hash & int.MaxValue);
    }
}

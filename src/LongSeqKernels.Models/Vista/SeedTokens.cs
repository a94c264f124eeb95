using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>Learned rows <c>[M, D]</c> that all users share: seeds or prototypes.</summary>
internal sealed class SeedTokens(ParameterSet set, string name, VistaConfig config)
{
    private readonly Parameter _rows = set.Add(name, ParameterKind.Table, config.Seeds, config.Width);

    public ReadOnlySpan<float> Values => _rows.Values;

    public Span<float> Gradient => _rows.Gradient;

    public void Initialise(float deviation, RandomStream random) => Initialisation.Normal(_rows.Values, deviation, random);

    /// <summary>Writes them once for every segment.</summary>
    public void Repeat(int segments, Span<float> rows)
    {
        for (int segment = 0; segment < segments; segment++)
        {
            _rows.Values.CopyTo(rows[(segment * _rows.Length)..]);
        }
    }

    /// <summary>Adds the gradients of all segments, in their order.</summary>
    public void RepeatBackward(int segments, ReadOnlySpan<float> rowGradients)
    {
        for (int segment = 0; segment < segments; segment++)
        {
            TensorPrimitives.Add(_rows.Gradient, rowGradients.Slice(segment * _rows.Length, _rows.Length), _rows.Gradient);
        }
    }
}

using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>A factor for each target's query, which is one of its logits: <c>ln(1 + n) / ln(101)</c> for n events that it sees (Scalable-Softmax, arXiv 2501.19399).</summary>
internal sealed class LengthScale
{
    /// <summary>Where the factor is 1. Initial weights are right there; any other length would do.</summary>
    private const int Reference = 100;

    private readonly float[] _factors;

    public LengthScale(CrossAttentionShape shape)
    {
        _factors = new float[shape.Targets.Total];
        for (int segment = 0; segment < shape.Targets.Count; segment++)
        {
            for (long target = shape.Targets.Start(segment); target < shape.Targets.Start(segment + 1); target++)
            {
                _factors[target] = Factor(shape.VisibleHistory(segment, target));
            }
        }
    }

    /// <summary>The factor of a target that sees so many events.</summary>
    public static float Factor(long events) => (float)(Math.Log(1.0 + events) / Math.Log(1.0 + Reference));

    /// <summary>Multiplies rows of targets <c>[T, width]</c>: queries, or their gradients, as the map is its own adjoint.</summary>
    public void Apply(Span<float> rows, int width)
    {
        for (int target = 0; target < _factors.Length; target++)
        {
            Span<float> row = rows.Slice(target * width, width);
            TensorPrimitives.Multiply(row, _factors[target], row);
        }
    }
}

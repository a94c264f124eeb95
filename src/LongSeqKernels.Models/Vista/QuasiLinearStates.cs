using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// The states of one layer <c>[segments, H, dh, dh]</c>: what history and seeds wrote, and what each of them reads, scaled by the number of rows in the sum.
/// </summary>
internal sealed class QuasiLinearStates(VistaConfig config, int stateLength)
{
    private readonly GrowingBuffer _history = new();
    private readonly GrowingBuffer _seeds = new();
    private readonly GrowingBuffer _forSeeds = new();
    private readonly GrowingBuffer _forHistory = new();
    private readonly GrowingBuffer _forSeedsGradient = new();
    private readonly GrowingBuffer _forHistoryGradient = new();

    /// <summary>Sum over history rows.</summary>
    public Span<float> History => _history.Span;

    /// <summary>Sum over seed rows.</summary>
    public Span<float> Seeds => _seeds.Span;

    /// <summary>What seeds read: both sums.</summary>
    public Span<float> ForSeeds => _forSeeds.Span;

    /// <summary>What history rows read: both sums, or the history's alone.</summary>
    public Span<float> ForHistory => config.SeedsVisible ? _forSeeds.Span : _forHistory.Span;

    public Span<float> ForSeedsGradient => _forSeedsGradient.Span;

    public Span<float> ForHistoryGradient => config.SeedsVisible ? _forSeedsGradient.Span : _forHistoryGradient.Span;

    public void Clear(int segments)
    {
        _history.Zeroed(segments, stateLength);
        _seeds.Zeroed(segments, stateLength);
    }

    /// <summary>Makes what is read from what was written.</summary>
    public void Combine(JaggedLayout history)
    {
        _forSeeds.Use(history.Count, stateLength);
        _forHistory.Use(history.Count, stateLength);
        for (int segment = 0; segment < history.Count; segment++)
        {
            Span<float> all = Segment(_forSeeds, segment);
            TensorPrimitives.Add(Segment(_history, segment), Segment(_seeds, segment), all);
            TensorPrimitives.Multiply(all, Factor(history.Length(segment) + config.Seeds), all);
            TensorPrimitives.Multiply(Segment(_history, segment), Factor(history.Length(segment)), Segment(_forHistory, segment));
        }
    }

    public void ClearGradients(int segments)
    {
        _forSeedsGradient.Zeroed(segments, stateLength);
        _forHistoryGradient.Zeroed(segments, stateLength);
    }

    /// <summary>Turns the gradients of what was read into those of what was written: <see cref="ForSeedsGradient"/> is then of the seeds' sum.</summary>
    /// <returns>The gradient of the history's sum.</returns>
    public Span<float> CombineBackward(JaggedLayout history)
    {
        for (int segment = 0; segment < history.Count; segment++)
        {
            Span<float> all = Segment(_forSeedsGradient, segment);
            Span<float> own = Segment(_forHistoryGradient, segment);
            TensorPrimitives.Multiply(all, Factor(history.Length(segment) + config.Seeds), all);
            TensorPrimitives.MultiplyAdd(own, Factor(history.Length(segment)), all, own);
        }
        return _forHistoryGradient.Span;
    }

    private float Factor(long rows) => config.StateScale switch
    {
        StateScale.One => 1,
        StateScale.InverseRows => 1f / Math.Max(1, rows),
        _ => 1 / MathF.Sqrt(Math.Max(1, rows)),
    };

    private Span<float> Segment(GrowingBuffer states, int segment) => states.Span.Slice(segment * stateLength, stateLength);
}

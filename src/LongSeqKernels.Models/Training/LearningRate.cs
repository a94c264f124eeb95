namespace LongSeqKernels.Models;

/// <summary>A learning rate that rises linearly, then falls along half a cosine.</summary>
/// <param name="Peak">The highest rate, greater than 0.</param>
/// <param name="WarmupSteps">Steps of the rise, 0 or more.</param>
/// <param name="TotalSteps">Steps after which the rate stays at its end, 1 or more.</param>
/// <param name="FinalFraction">End over peak, from 0 to 1.</param>
public sealed record LearningRate(double Peak, long WarmupSteps, long TotalSteps, double FinalFraction = 0.05)
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 0.</param>
    public double At(long step)
    {
        if (step < WarmupSteps)
        {
            return Peak * (step + 1) / WarmupSteps;
        }
        double done = Math.Clamp((double)(step - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps), 0, 1);
        return Peak * (FinalFraction + ((1 - FinalFraction) * 0.5 * (1 + Math.Cos(Math.PI * done))));
    }

    internal void Validate()
    {
        if (!double.IsFinite(Peak) || Peak <= 0)
        {
            throw Error.Range(nameof(Peak), Peak, "finite and greater than 0");
        }
        if (TotalSteps < 1)
        {
            throw Error.Range(nameof(TotalSteps), TotalSteps, "1 or more");
        }
        if (WarmupSteps < 0 || WarmupSteps > TotalSteps)
        {
            throw Error.Range(nameof(WarmupSteps), WarmupSteps, $"from 0 to {nameof(TotalSteps)} ({TotalSteps})");
        }
        if (!(FinalFraction is >= 0 and <= 1))
        {
            throw Error.Range(nameof(FinalFraction), FinalFraction, "from 0 to 1");
        }
    }
}

namespace LongSeqKernels.Models;

/// <summary>Where a training run stands after a step.</summary>
/// <param name="Step">Steps done since the model was made, from 1.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Loss">Loss of this step.</param>
/// <param name="SmoothedLoss">Running mean of the loss over about 50 steps.</param>
/// <param name="LearningRate">Rate of this step.</param>
/// <param name="GradientNorm">Global norm of the gradients before clipping.</param>
/// <param name="TargetsPerSecond">Targets trained on per second, over about 50 steps.</param>
/// <param name="EventsPerSecond">History events read per second, each once however many targets read it.</param>
/// <param name="Remaining">Estimated time to the end.</param>
public readonly record struct TrainingProgress(
    long Step,
    long TotalSteps,
    double Loss,
    double SmoothedLoss,
    double LearningRate,
    double GradientNorm,
    double TargetsPerSecond,
    double EventsPerSecond,
    TimeSpan Remaining);

/// <summary>Training met a loss or gradient that is not finite. The model is as the step before left it.</summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Without details.</summary>
    public TrainingDivergedException()
    {
    }

    /// <summary>With a message.</summary>
    public TrainingDivergedException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and its cause.</summary>
    public TrainingDivergedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

namespace LongSeqKernels.Models;

/// <summary>How a model is trained. Stored in every checkpoint; a run resumes with the options it started with.</summary>
public sealed record TrainingOptions
{
    /// <summary>The learning rate by step; its total is the number of steps of the run.</summary>
    public required LearningRate LearningRate { get; init; }

    /// <summary>What is minimised.</summary>
    public TrainingLoss Loss { get; init; }

    /// <summary>The optimiser's settings.</summary>
    public AdamWOptions Optimiser { get; init; } = new();

    /// <summary>Gradients whose global norm is larger are scaled down to it; 0 for no limit.</summary>
    public double ClipNorm { get; init; } = 1;

    internal void Validate()
    {
        LearningRate.Validate();
        Check.Defined(Loss);
        Optimiser.Validate();
        if (!double.IsFinite(ClipNorm) || ClipNorm < 0)
        {
            throw Error.Range(nameof(ClipNorm), ClipNorm, "finite and 0 or more");
        }
    }
}

/// <summary>Where and when a run writes checkpoints and reports. Has no influence on the result.</summary>
public sealed record TrainingSchedule
{
    /// <summary>The file of the checkpoint, replaced each time; null for none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Steps between checkpoints, 1 or more; the last step always writes one.</summary>
    public long CheckpointEvery { get; init; } = 500;

    /// <summary>Steps between evaluations, 1 or more; the last step is always evaluated.</summary>
    public long EvaluateEvery { get; init; } = 500;

    internal void Validate()
    {
        if (CheckpointEvery < 1)
        {
            throw Error.Range(nameof(CheckpointEvery), CheckpointEvery, "1 or more");
        }
        if (EvaluateEvery < 1)
        {
            throw Error.Range(nameof(EvaluateEvery), EvaluateEvery, "1 or more");
        }
    }
}

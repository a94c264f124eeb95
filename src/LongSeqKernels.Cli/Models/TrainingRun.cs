using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>How a training run ended.</summary>
internal sealed record TrainingOutcome(bool Completed, long Step, long TotalSteps, double? Loss, double Seconds, double TargetsPerSecond, double EventsPerSecond);

/// <summary>Runs a trainer with progress and checkpoints, and writes the model at the end.</summary>
internal sealed class TrainingRun(ModelTrainer trainer, string modelPath, string checkpointPath, long checkpointEvery, string what = "Training")
{
    /// <summary>Trains to the end, or until Ctrl-C; then the checkpoint remains.</summary>
    public TrainingOutcome Run(Terminal terminal, CancellationToken interruption)
    {
        var clock = Stopwatch.StartNew();
        TrainingProgress? last = null;
        bool completed = true;
        long total = trainer.Options.LearningRate.TotalSteps;
        var schedule = new TrainingSchedule { CheckpointPath = checkpointPath, CheckpointEvery = checkpointEvery };
        terminal.Track(what, total, "steps", sink =>
        {
            try
            {
                trainer.Run(schedule, progress =>
                {
                    last = progress;
                    sink.Report(progress.Step, $"loss {progress.SmoothedLoss:F4}, {Format.Significant(progress.EventsPerSecond)} events/s");
                }, cancellation: interruption);
            }
            catch (OperationCanceledException)
            {
                completed = false;
            }
            return completed;
        }, trainer.Step);
        if (completed)
        {
            trainer.Model.Save(modelPath);
            File.Delete(checkpointPath);
        }
        return new TrainingOutcome(
            completed, trainer.Step, total, last?.SmoothedLoss, clock.Elapsed.TotalSeconds, last?.TargetsPerSecond ?? 0, last?.EventsPerSecond ?? 0);
    }
}

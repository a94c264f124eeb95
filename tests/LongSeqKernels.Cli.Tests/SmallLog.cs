using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

/// <summary>A generated log and a model on it, small enough for a process to train in a moment.</summary>
internal static class SmallLog
{
    public const string Name = "small.lsklog";

    /// <summary>Options of a training run that takes a moment.</summary>
    public static readonly string[] Training =
        ["--width", "8", "--heads", "2", "--layers", "1", "--scorer-widths", "8", "--min-window", "8", "--max-window", "64", "--batch-events", "128", "--negatives", "5", "--train-negatives", "5", "--min-history", "80"];

    private static readonly Lazy<InteractionLog> Log = new(() =>
        SyntheticLog.Generate(new SyntheticLogOptions { Users = 12, EventsPerUser = 400, Topics = 10, ItemsPerTopic = 10, InterestsPerUser = 3 }));

    /// <summary>The log.</summary>
    public static InteractionLog Made => Log.Value;

    /// <summary>Writes the log into a directory.</summary>
    public static void WriteTo(WorkingDirectory directory) => InteractionLogFile.Save(Log.Value, directory.File(Name));

    /// <summary>Writes the log and trains a model of this name on it.</summary>
    public static void TrainIn(WorkingDirectory directory, string model, int steps = 5)
    {
        WriteTo(directory);
        LskRun run = LskProcess.Run(directory.Path, ["train", Name, "--out", model, "--steps", $"{steps}", .. Training]);
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
    }
}

using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk train --json</c> prints, also when it was interrupted.</summary>
/// <param name="Command">"train".</param>
/// <param name="Model">The model file; written when completed.</param>
/// <param name="Checkpoint">The checkpoint that remains when interrupted.</param>
/// <param name="Log">The log's own words for its origin.</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Outcome">How it ended.</param>
internal sealed record TrainDocument(string Command, string Model, string? Checkpoint, string Log, long Parameters, TrainingOutcome Outcome);

/// <summary><c>lsk train</c>: trains a model on a log.</summary>
internal sealed class TrainCommand : LskCommand
{
    private readonly Argument<string> _log = new("log") { Description = "The interaction log" };
    private readonly Option<string?> _output = OptionOf.Text("--out", "The model to write", "file", required: true);
    private readonly Option<string?> _from = OptionOf.Text("--from", "Start from the weights of this model instead of random ones: a second stage, with a new optimiser and options of its own", "model");
    private readonly Option<bool> _resume = OptionOf.Flag("--resume", "Continue an interrupted run from its checkpoint, with the options it was started with");
    private readonly Option<bool> _restart = OptionOf.Flag("--restart", "Start anew although the checkpoint of an interrupted run is there");
    private readonly Option<string?> _checkpoint = OptionOf.Text("--checkpoint", "The checkpoint; default: the model's name with .checkpoint", "file");
    private readonly Option<long> _every = OptionOf.Long("--checkpoint-every", "Steps between checkpoints", 200, 1);
    private readonly ModelOptions _model;
    private readonly TrainingSettings _training;
    private readonly ComputeOptions _compute;

    public TrainCommand(CommandHost host)
        : base("train", "Train a model on an interaction log", host)
    {
        Add(_log);
        foreach (Option option in (Option[])[_output, _from, _resume, _restart, _checkpoint, _every])
        {
            Add(option);
        }
        _training = new TrainingSettings(this);
        _model = new ModelOptions(this);
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        A request is a moment in a user's history: one item that the user chose next, against items that others chose lately. Every target of a request, and
        several requests of a user, read one history (request-level batching). A history is the newest events, up to a length that changes from batch to batch.
        The model never sees the last part of any history (--train-share): 'lsk evaluate' tests on it.

        Ctrl-C ends training after the step in progress and leaves a checkpoint (exit code 130); --resume continues it, and the final model has the same bits
        as that of an uninterrupted run. The checkpoint is removed when the model is written. A checkpoint is a model file, too.
        """;

    public override IReadOnlyList<string> Examples =>
    [
        "lsk train movies.lsklog --out movies.lskmodel",
        "lsk train log.lsklog --out log.lskmodel --width 128 --layers 4 --max-window 4096 --steps 5000",
        "lsk train log.lsklog --out long.lskmodel --from log.lskmodel --min-window 512 --max-window 4096 --learning-rate 1e-3",
        "lsk train log.lsklog --out log.lskmodel --resume",
    ];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string logPath = invocation.Get(_log);
        string modelPath = invocation.Get(_output)!;
        string checkpointPath = invocation.Get(_checkpoint) ?? modelPath + ".checkpoint";
        CheckFiles(invocation, modelPath, checkpointPath);
        InteractionLog log = InputFile.ReadLog(logPath);
        using LongSeqContext context = _compute.CreateContext(invocation);
        ModelTrainer trainer = invocation.Get(_resume) ? Resume(context, log, logPath, checkpointPath) : Start(invocation, context, log, logPath);
        Describe(terminal, log, trainer, context);
        TrainingOutcome outcome = new TrainingRun(trainer, modelPath, checkpointPath, invocation.Get(_every)).Run(terminal, invocation.Interruption);
        if (outcome.Completed)
        {
            terminal.Line($"Wrote {modelPath} ({Format.Bytes(new FileInfo(modelPath).Length)}). Test it: lsk evaluate {logPath} {modelPath}");
        }
        else
        {
            terminal.Line($"Interrupted after step {Format.Count(outcome.Step)} of {Format.Count(outcome.TotalSteps)}. The checkpoint {checkpointPath} is complete. Continue with:");
            terminal.Line($"  lsk train {logPath} --out {modelPath}{(invocation.IsGiven(_checkpoint) ? " --checkpoint " + checkpointPath : "")} --resume");
        }
        terminal.Document(
            new TrainDocument(Name, modelPath, outcome.Completed ? null : checkpointPath, log.Source, trainer.Model.Parameters.Count, outcome), Documents.Default.TrainDocument);
        return outcome.Completed ? ExitCode.Success : ExitCode.Interrupted;
    }

    private void CheckFiles(Invocation invocation, string modelPath, string checkpointPath)
    {
        bool resume = invocation.Get(_resume);
        string[] fixedOptions = [.. _training.All.Concat(_model.All).Append(_from).Where(invocation.IsGiven).Select(option => option.Name)];
        if (resume && fixedOptions.Length > 0)
        {
            throw Failure.Usage($"{string.Join(", ", fixedOptions)} cannot be given with --resume: a run continues with the options it was started with.");
        }
        if (resume && invocation.Get(_restart))
        {
            throw Failure.Usage("--resume and --restart contradict each other; give one of them.");
        }
        string[] shape = [.. _model.All.Where(invocation.IsGiven).Select(option => option.Name)];
        if (invocation.IsGiven(_from) && shape.Length > 0)
        {
            throw Failure.Usage($"{string.Join(", ", shape)} cannot be given with --from: the model keeps its shape.");
        }
        OutputFile.EnsureWritable(modelPath, _output.Name);
        OutputFile.EnsureWritable(checkpointPath, _checkpoint.Name);
        if (resume && !File.Exists(checkpointPath))
        {
            throw new Failure($"There is nothing to resume: {checkpointPath} does not exist.");
        }
        if (!resume && !invocation.Get(_restart) && File.Exists(checkpointPath))
        {
            throw new Failure($"{checkpointPath} is the checkpoint of an interrupted run: continue it with --resume, or start anew with --restart.");
        }
    }

    private ModelTrainer Start(Invocation invocation, LongSeqContext context, InteractionLog log, string logPath)
    {
        RankingModel model = invocation.Get(_from) is { } from ? Loaded(from, log, logPath) : _model.Create(invocation, log, _training.Seed(invocation));
        RequestSamplerOptions sampling = _training.Sampling(invocation, ModelOptions.Content(model.Config));
        RequestProtocol protocol = _training.Protocol(invocation, log);
        ModelNotes.Of(log, protocol, sampling).Write(model);
        var source = new RequestSampler(new RequestMaker(log, protocol), sampling);
        return new ModelTrainer(context, model, source, _training.Training(invocation));
    }

    private static RankingModel Loaded(string path, InteractionLog log, string logPath)
    {
        RankingModel model = InputFile.ReadModel(path);
        _ = ModelNotes.Read(model, path, log, logPath);
        return model;
    }

    private static ModelTrainer Resume(LongSeqContext context, InteractionLog log, string logPath, string checkpointPath)
    {
        ModelNotes notes = ModelNotes.Read(RankingModel.Load(checkpointPath), checkpointPath, log, logPath);
        var source = new RequestSampler(new RequestMaker(log, notes.Protocol), notes.Sampling);
        return ModelTrainer.Resume(context, checkpointPath, source);
    }

    private static void Describe(Terminal terminal, InteractionLog log, ModelTrainer trainer, LongSeqContext context)
    {
        terminal.Line($"{log.Source}: {Format.Count(log.EventCount, "event")} of {Format.Count(log.Users.Count, "user")}, {Format.Count(log.ItemCount, "item")}");
        terminal.Line($"{trainer.Model.Kind} of {trainer.Model.Config.Summary}: {Format.Count(trainer.Model.Parameters.Count, "weight")}; {context.Explain()}");
        if (trainer.Step > 0)
        {
            terminal.Line($"Resuming after step {Format.Count(trainer.Step)}.");
        }
    }
}

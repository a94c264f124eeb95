using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>How a model of a claim is trained.</summary>
/// <param name="Create">Makes the model with its initial weights.</param>
/// <param name="Protocol">How the log is made into requests.</param>
/// <param name="Sampling">How batches are drawn; what they carry follows from the model.</param>
/// <param name="Training">Learning rate, steps, loss.</param>
internal sealed record TrainingPlan(Func<RankingModel> Create, RequestProtocol Protocol, RequestSamplerOptions Sampling, TrainingOptions Training);

/// <summary>One run of a claim: where it computes, what it reads, and the models that it trains in its directory.</summary>
internal sealed class ClaimRun(Invocation invocation, LongSeqContext context, InteractionLog log, string directory)
{
    private const string SettingsKey = "claim.settings";
    private const int CheckpointEvery = 100;

    public Invocation Invocation => invocation;

    public Terminal Terminal => invocation.Terminal;

    public CancellationToken Interruption => invocation.Interruption;

    public LongSeqContext Context => context;

    public InteractionLog Log => log;

    /// <summary>Trains a model, or loads it where an earlier run has finished it, or goes on where one was interrupted.</summary>
    /// <param name="name">Name of its file, without extension.</param>
    /// <param name="plan">How it is trained.</param>
    /// <exception cref="Failure">The directory has a model of that name that was trained otherwise.</exception>
    /// <exception cref="OperationCanceledException">The run was interrupted; its checkpoint remains.</exception>
    public RankingModel Train(string name, TrainingPlan plan)
    {
        string modelPath = Path.Combine(directory, name + ".lskmodel");
        string checkpointPath = modelPath + ".checkpoint";
        RankingModel model = plan.Create();
        RequestSamplerOptions sampling = plan.Sampling with { Content = ModelOptions.Content(model.Config) };
        string settings = $"{model.Kind} {model.Config.ToJson()} {plan.Protocol} {sampling} {plan.Training}";
        if (File.Exists(modelPath))
        {
            Terminal.Line($"{name} was trained before: {modelPath}.");
            return Checked(modelPath, settings);
        }
        var source = new RequestSampler(new RequestMaker(log, plan.Protocol), sampling);
        ModelTrainer trainer;
        if (File.Exists(checkpointPath))
        {
            Checked(checkpointPath, settings);
            trainer = ModelTrainer.Resume(context, checkpointPath, source);
        }
        else
        {
            ModelNotes.Of(log, plan.Protocol, sampling).Write(model);
            model.Notes[SettingsKey] = settings;
            trainer = new ModelTrainer(context, model, source, plan.Training);
        }
        TrainingOutcome outcome = new TrainingRun(trainer, modelPath, checkpointPath, CheckpointEvery, $"Training {name}").Run(Terminal, Interruption);
        return outcome.Completed ? trainer.Model : throw new OperationCanceledException();
    }

    private static RankingModel Checked(string path, string settings)
    {
        RankingModel model = InputFile.ReadModel(path);
        return model.Notes.TryGetValue(SettingsKey, out string? own) && own == settings
            ? model
            : throw new Failure($"{path} was trained with other settings or on other terms than this run asks for; remove it, or choose another directory with --work.");
    }
}

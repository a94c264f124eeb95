using System.Diagnostics;
using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// Trains a model with request-level batches. A run is a pure function of the initial model, the source, the options and the backend with its threads: the same bits every
/// time, also when it was interrupted and resumed from a checkpoint.
/// </summary>
public sealed class ModelTrainer
{
    private readonly IRequestBatchSource _source;
    private readonly ITrainingPass _pass;
    private readonly AdamW _optimiser;
    private readonly GrowingBuffer _logits = new();
    private readonly GrowingBuffer _gradient = new();

    /// <summary>Starts a run at step 0.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="model">The model, changed in place.</param>
    /// <param name="source">Batch n trains step n.</param>
    /// <param name="options">How to train.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ModelTrainer(LongSeqContext context, RankingModel model, IRequestBatchSource source, TrainingOptions options)
        : this(context, model, source, options, new AdamW(model.Parameters, Checked(options).Optimiser))
    {
    }

    private ModelTrainer(LongSeqContext context, RankingModel model, IRequestBatchSource source, TrainingOptions options, AdamW optimiser)
    {
        Model = model;
        Options = options;
        _source = source;
        _optimiser = optimiser;
        _pass = model.CreateTrainingPass(context);
    }

    /// <summary>The model, as the last step left it.</summary>
    public RankingModel Model { get; }

    /// <summary>How it is trained.</summary>
    public TrainingOptions Options { get; }

    /// <summary>Steps done, which is also the number of the next batch.</summary>
    public long Step => _optimiser.Step;

    /// <summary>Continues a run from its checkpoint.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="checkpointPath">The checkpoint.</param>
    /// <param name="source">The source that the run started with.</param>
    /// <exception cref="InvalidDataException">The file is damaged or no checkpoint, or the source is another one.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ModelTrainer Resume(LongSeqContext context, string checkpointPath, IRequestBatchSource source)
    {
        (RankingModel model, AdamW optimiser, TrainingOptions options, string fingerprint) = Checkpoint.Read(checkpointPath);
        if (fingerprint != source.Fingerprint)
        {
            throw new InvalidDataException($"{checkpointPath} was trained on \"{fingerprint}\"; the source must be the same, but is \"{source.Fingerprint}\".");
        }
        return new ModelTrainer(context, model, source, options, optimiser);
    }

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; an older file of that name is intact.</exception>
    public void SaveCheckpoint(string path) => Checkpoint.Write(path, Model, _optimiser, Options, _source.Fingerprint);

    /// <summary>Trains until the last step of the learning rate's schedule.</summary>
    /// <param name="schedule">Checkpoints and evaluations.</param>
    /// <param name="progress">Called after every step; may be null.</param>
    /// <param name="evaluate">Called with the number of steps done; must not change the model; may be null.</param>
    /// <param name="cancellation">Ends the run after the step in progress, with a checkpoint.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled; the checkpoint has been written.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite.</exception>
    /// <exception cref="IOException">A checkpoint cannot be written.</exception>
    public void Run(
        TrainingSchedule schedule, Action<TrainingProgress>? progress = null, Action<long>? evaluate = null, CancellationToken cancellation = default)
    {
        schedule.Validate();
        var meter = new ThroughputMeter();
        long total = Options.LearningRate.TotalSteps;
        while (Step < total && !cancellation.IsCancellationRequested)
        {
            long started = Stopwatch.GetTimestamp();
            RequestBatch batch = _source.Batch(Step);
            (double loss, double rate, double norm) = TrainOn(batch);
            meter.Add(Stopwatch.GetElapsedTime(started), loss, batch.Targets.Total, batch.History.Total);
            progress?.Invoke(meter.Report(Step, total, loss, rate, norm));
            bool last = Step == total;
            if (evaluate is not null && (last || Step % schedule.EvaluateEvery == 0))
            {
                evaluate(Step);
            }
            if (schedule.CheckpointPath is { } path && (last || Step % schedule.CheckpointEvery == 0))
            {
                SaveCheckpoint(path);
            }
        }
        if (Step < total)
        {
            if (schedule.CheckpointPath is { } path)
            {
                SaveCheckpoint(path);
            }
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Makes one step.</summary>
    /// <returns>The loss before the step, its learning rate, and the gradient's norm before clipping.</returns>
    private (double Loss, double Rate, double Norm) TrainOn(RequestBatch batch)
    {
        long step = Step + 1;
        BatchCheck.Inputs(batch, Model.Config);
        Span<float> logits = _logits.Use(batch.Targets.Total, 1);
        Span<float> gradient = _gradient.Use(batch.Targets.Total, 1);
        _pass.Forward(batch, logits);
        double loss = RequestLoss.Compute(Options.Loss, batch, logits, gradient) + _pass.AuxiliaryLoss;
        if (!double.IsFinite(loss))
        {
            throw new TrainingDivergedException($"Step {step}: the loss is {loss}; the weights are those of step {step - 1}. A lower learning rate or a smaller ClipNorm may help.");
        }
        _pass.Backward(gradient);
        double norm = GradientNorm();
        if (!double.IsFinite(norm))
        {
            throw new TrainingDivergedException($"Step {step}: the gradient of {FirstNotFinite()} is not finite (loss {loss}); the weights are those of step {step - 1}.");
        }
        double rate = Options.LearningRate.At(Step);
        _optimiser.Update(rate, Options.ClipNorm > 0 && norm > Options.ClipNorm ? Options.ClipNorm / norm : 1);
        return (loss, rate, norm);
    }

    private double GradientNorm()
    {
        double sum = 0;
        foreach (Parameter parameter in Model.Parameters.Parameters)
        {
            sum += TensorPrimitives.SumOfSquares<float>(parameter.Gradient);
        }
        foreach (EmbeddingTable table in Model.Parameters.Tables)
        {
            sum += TensorPrimitives.SumOfSquares<float>(table.Gradient);
        }
        return Math.Sqrt(sum);
    }

    private string FirstNotFinite()
    {
        foreach (Parameter parameter in Model.Parameters.Parameters)
        {
            if (!float.IsFinite(TensorPrimitives.SumOfSquares<float>(parameter.Gradient)))
            {
                return parameter.Name;
            }
        }
        return Model.Parameters.Tables.First(table => !float.IsFinite(TensorPrimitives.SumOfSquares<float>(table.Gradient))).Name;
    }

    private static TrainingOptions Checked(TrainingOptions options)
    {
        options.Validate();
        return options;
    }
}

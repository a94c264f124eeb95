using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class VistaGradientTests
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Reference);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void EveryParameterGroupMatchesFiniteDifferences(VistaConfig config)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 4, [9, 0, 1, 14]);
        var pass = new VistaPass(_context, model, PassMode.Training);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        double Loss()
        {
            pass.Forward(batch, logits);
            return RequestLoss.Compute(TrainingLoss.BinaryCrossEntropy, batch, logits, gradient) + pass.AuxiliaryLoss;
        }
        ModelGradients.Check(model.Parameters, Loss, () => pass.Backward(gradient), _ => false);
    }

    /// <summary>What is predicted is a constant then: the gradient of tokens that are only targets of predictions (the newest of a user whose ranking loss is off) is gone.</summary>
    [Test]
    public void ConstantReconstructionTargetsAreNotTrained()
    {
        VistaConfig config = VistaCases.Default with { Categories = 0, ReconstructionWeight = 1, ReconstructionEvents = 1, Summariser = SummariserKind.NewestEvents, Layers = 1, Seeds = 1 };
        RequestBatch batch = StcaCases.Batch(config, 5, [9], requestsPerSegment: 1);
        int newest = batch.HistoryItems.Span[^1];
        Assert.That(RowGradient(config with { ReconstructionTargets = ReconstructionTargets.Trained }, batch, newest), Is.Not.EqualTo(RowGradient(config, batch, newest)));
        int older = batch.HistoryItems.ToArray().First(item => item != newest);
        Assert.That(RowGradient(config with { ReconstructionTargets = ReconstructionTargets.Trained }, batch, older), Is.EqualTo(RowGradient(config, batch, older)));
    }

    private float[] RowGradient(VistaConfig config, RequestBatch batch, int item)
    {
        VistaModel model = VistaCases.PerturbedModel(config);
        var pass = new VistaPass(_context, model, PassMode.Training);
        pass.Forward(batch, new float[batch.Targets.Total]);
        pass.Backward(new float[batch.Targets.Total]);
        return StcaCases.Gradients(model.Parameters).Single(group => group.Name == "item_embedding").Values.AsSpan(item * config.Width, config.Width).ToArray();
    }
}

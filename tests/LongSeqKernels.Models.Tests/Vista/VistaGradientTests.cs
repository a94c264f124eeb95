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
}

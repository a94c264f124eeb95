using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class StcaGradientTests
{
    private LongSeqContext _context = null!;

    [OneTimeSetUp]
    public void Start() => _context = LongSeqContext.Create(Backend.Reference);

    [OneTimeTearDown]
    public void End() => _context.Dispose();

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Switches))]
    public void EveryParameterGroupMatchesFiniteDifferences(StcaConfig config) => CheckAll(config, TrainingLoss.BinaryCrossEntropy);

    [Test]
    public void SampledSoftmaxMatchesFiniteDifferences() =>
        CheckAll(StcaCases.Default with { Attention = AttentionForm.Absorbed }, TrainingLoss.SampledSoftmax);

    private void CheckAll(StcaConfig config, TrainingLoss loss)
    {
        StcaModel model = StcaCases.PerturbedModel(config);
        RequestBatch batch = StcaCases.Batch(config, 3, [9, 0, 1, 14]);
        var pass = new StcaPass(_context, model, PassMode.Training);
        var logits = new float[batch.Targets.Total];
        var gradient = new float[batch.Targets.Total];
        double Loss()
        {
            pass.Forward(batch, logits);
            return RequestLoss.Compute(loss, batch, logits, gradient);
        }
        // A softmax does not see what is added to all logits.
        ModelGradients.Check(
            model.Parameters, Loss, () => pass.Backward(gradient), name => loss == TrainingLoss.SampledSoftmax && name == "scorer.1.bias");
    }
}

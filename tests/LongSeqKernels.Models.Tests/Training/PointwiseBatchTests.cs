using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class PointwiseBatchTests
{
    [Test]
    public void EveryTargetHasACopyOfWhatItSees()
    {
        RequestBatch batch = StcaCases.Batch(StcaCases.Default, 5, [9, 0, 4]);
        RequestBatch pointwise = PointwiseBatch.Of(batch);
        Assert.That(pointwise.Targets.Count, Is.EqualTo(18));
        for (int target = 0; target < 18; target++)
        {
            int start = (int)batch.History.Start(target / 6);
            int length = (int)batch.HistoryLimits.Span[target];
            Assert.That(pointwise.History.Length(target), Is.EqualTo(length));
            int own = (int)pointwise.History.Start(target);
            Assert.That(pointwise.HistoryItems.Slice(own, length).ToArray(), Is.EqualTo(batch.HistoryItems.Slice(start, length).ToArray()));
            Assert.That(pointwise.HistoryTimes.Slice(own, length).ToArray(), Is.EqualTo(batch.HistoryTimes.Slice(start, length).ToArray()));
            Assert.That(pointwise.RequestTimes.Span[target], Is.EqualTo(batch.RequestTimes.Span[target / 6]));
        }
    }

    [Test]
    public void LossAndGradientsAreThoseOfTheBatchAtRequestLevel()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Reference);
        StcaModel model = StcaCases.PerturbedModel(StcaCases.Default);
        RequestBatch batch = StcaCases.Batch(StcaCases.Default, 5, [9, 0, 14]);
        (double loss, List<(string Name, float[] Values)> gradients) = Train(batch);
        (double pointwiseLoss, List<(string Name, float[] Values)> pointwiseGradients) = Train(PointwiseBatch.Of(batch));
        Assert.That(pointwiseLoss, Is.EqualTo(loss).Within(1e-6));
        for (int i = 0; i < gradients.Count; i++)
        {
            Assert.That(pointwiseGradients[i].Values, Is.EqualTo(gradients[i].Values).Within(1e-5), gradients[i].Name);
        }

        (double Loss, List<(string Name, float[] Values)> Gradients) Train(RequestBatch of)
        {
            ITrainingPass pass = model.CreateTrainingPass(context);
            var logits = new float[of.Targets.Total];
            var gradient = new float[logits.Length];
            pass.Forward(of, logits);
            double loss = RequestLoss.Compute(TrainingLoss.BinaryCrossEntropy, of, logits, gradient);
            pass.Backward(gradient);
            return (loss, StcaCases.Gradients(model.Parameters));
        }
    }

    [Test]
    public void ASequenceRepeatsItsBatches()
    {
        RequestBatch[] batches = [StcaCases.Batch(StcaCases.Default, 1, [3]), StcaCases.Batch(StcaCases.Default, 2, [3])];
        var sequence = new BatchSequence(batches);
        Assert.That(new long[] { 0, 1, 2, 5 }.Select(sequence.Batch), Is.EqualTo(new[] { batches[0], batches[1], batches[0], batches[1] }));
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Batches that do not fit the model are refused by name before any work.</summary>
public sealed class BatchCheckTests
{
    private static readonly RequestBatch Valid = StcaCases.Batch(StcaCases.Default, 1, [6, 4]);

    [Test]
    public void ValidBatchPasses()
    {
        Assert.That(() => BatchCheck.Inputs(Valid, StcaCases.Default), Throws.Nothing);
        Assert.That(() => BatchCheck.Labels(Valid), Throws.Nothing);
    }

    [Test]
    public void UnknownItemsAreNamed()
    {
        Refused(With(items: [0, 1, 2, 23, 4, 5, 6, 7, 8, 9]), "HistoryItems[3] is 23; it must be from 0 to 22");
        Refused(With(targetItems: [0, -1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), "TargetItems[1] is -1");
        Refused(With(actions: [0, 1, 2, 0, 1, 2, 0, 1, 2, 3]), "HistoryActions[9] is 3");
    }

    [Test]
    public void WrongLengthsAreNamed()
    {
        Refused(With(items: new int[9]), "HistoryItems has 9 elements; it must have 10");
        Refused(With(actions: []), "HistoryActions has 0 elements; it must have 10");
        Refused(With(context: new float[23]), "TargetContext has 23 elements; it must have 24");
        Refused(With(limits: new long[3]), "HistoryLimits has 3 elements; it must have 12");
        Refused(With(requestTimes: new long[1]), "RequestTimes has 1 elements; it must have 2");
        Refused(With(targets: JaggedLayout.FromLengths(12)), "Targets is a layout of 1 segments");
    }

    [Test]
    public void LabelsMustBeProbabilitiesOfEveryTarget()
    {
        Assert.That(() => BatchCheck.Labels(With(labels: [])), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Labels has 0 elements; it must have 12"));
        Assert.That(() => BatchCheck.Labels(With(labels: [.. new float[11], 1.5f])), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Labels[11] is 1.5"));
        Assert.That(() => BatchCheck.Labels(With(labels: [float.NaN, .. new float[11]])), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Labels[0] is NaN"));
        Assert.That(() => BatchCheck.Labels(With(requests: JaggedLayout.FromLengths(11))), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Requests"));
    }

    [Test]
    public void ScorerRefusesBeforeItWrites()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Reference);
        var scorer = new StcaScorer(context, StcaCases.Model(StcaCases.Default));
        float[] logits = [.. Enumerable.Repeat(7f, 12)];
        Assert.That(() => scorer.Score(With(targetItems: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]), logits), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => scorer.Score(With(limits: [0, -1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]), logits), Throws.InstanceOf<ArgumentException>().With.Message.Contains("HistoryLimits[1] is -1"));
        Assert.That(() => scorer.Score(Valid, logits.AsSpan(1)), Throws.InstanceOf<ArgumentException>().With.Message.Contains("logits"));
        Assert.That(logits, Has.All.EqualTo(7f));
    }

    private static void Refused(RequestBatch batch, string message) =>
        Assert.That(() => BatchCheck.Inputs(batch, StcaCases.Default), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    private static RequestBatch With(
        int[]? items = null,
        int[]? actions = null,
        int[]? targetItems = null,
        float[]? context = null,
        long[]? limits = null,
        long[]? requestTimes = null,
        JaggedLayout? targets = null,
        float[]? labels = null,
        JaggedLayout? requests = null) => new()
        {
            History = Valid.History,
            HistoryItems = items ?? Valid.HistoryItems,
            HistoryActions = actions ?? Valid.HistoryActions,
            HistoryTimes = Valid.HistoryTimes,
            RequestTimes = requestTimes ?? Valid.RequestTimes,
            Targets = targets ?? Valid.Targets,
            TargetItems = targetItems ?? Valid.TargetItems,
            HistoryLimits = limits ?? Valid.HistoryLimits,
            TargetContext = context ?? Valid.TargetContext,
            Requests = requests ?? Valid.Requests,
            Labels = labels ?? Valid.Labels,
        };
}

namespace LongSeqKernels.Models;

/// <summary>Checks a batch against a model before any work.</summary>
internal static class BatchCheck
{
    /// <summary>Checks histories and targets: extents and identifiers. Limits are checked where the attention is planned.</summary>
    /// <exception cref="ArgumentException">Something does not fit; the message names it.</exception>
    public static void Inputs(RequestBatch batch, ModelConfig config)
    {
        long events = batch.History.Total;
        Check.Length(batch.HistoryItems.Span, events, "one per history event", nameof(batch.HistoryItems));
        Check.Length(batch.HistoryTimes.Span, events, "one per history event", nameof(batch.HistoryTimes));
        Check.Length(batch.RequestTimes.Span, batch.History.Count, "one per segment", nameof(batch.RequestTimes));
        Identifiers(batch.HistoryItems.Span, config.Items, nameof(batch.HistoryItems));
        if (config.Actions > 1)
        {
            Check.Length(batch.HistoryActions.Span, events, "one per history event", nameof(batch.HistoryActions));
            Identifiers(batch.HistoryActions.Span, config.Actions, nameof(batch.HistoryActions));
        }
        Targets(batch, config);
    }

    /// <summary>Checks targets alone, for a history that was checked when it was encoded.</summary>
    /// <exception cref="ArgumentException">Something does not fit; the message names it.</exception>
    public static void Targets(RequestBatch batch, ModelConfig config)
    {
        long targets = batch.Targets.Total;
        if (batch.Targets.Count != batch.History.Count)
        {
            throw Error.Invalid(nameof(batch.Targets), $"a layout of {batch.Targets.Count} segments", $"a layout of {batch.History.Count} segments, as {nameof(batch.History)} has");
        }
        Check.Length(batch.TargetItems.Span, targets, "one per target", nameof(batch.TargetItems));
        Check.LengthOrEmpty(batch.HistoryLimits.Span, targets, "one per target", nameof(batch.HistoryLimits));
        Check.Length(batch.TargetContext.Span, targets * config.ContextWidth, "targets times the model's context width", nameof(batch.TargetContext));
        Identifiers(batch.TargetItems.Span, config.Items, nameof(batch.TargetItems));
    }

    /// <summary>Checks what the losses read.</summary>
    /// <exception cref="ArgumentException">Something does not fit; the message names it.</exception>
    public static void Labels(RequestBatch batch)
    {
        long targets = batch.Targets.Total;
        Check.Length(batch.Labels.Span, targets, "one per target", nameof(batch.Labels));
        Check.LengthOrEmpty(batch.TargetLogProbabilities.Span, targets, "one per target", nameof(batch.TargetLogProbabilities));
        if (batch.Requests.Total != targets)
        {
            throw Error.Invalid(nameof(batch.Requests), $"a layout of {batch.Requests.Total} targets", $"a layout of {targets} targets, as {nameof(batch.Targets)} has");
        }
        ReadOnlySpan<float> labels = batch.Labels.Span;
        for (int i = 0; i < labels.Length; i++)
        {
            if (!(labels[i] is >= 0 and <= 1))
            {
                throw Error.Range($"{nameof(batch.Labels)}[{i}]", labels[i], "from 0 to 1");
            }
        }
    }

    private static void Identifiers(ReadOnlySpan<int> identifiers, int count, string argument)
    {
        for (int i = 0; i < identifiers.Length; i++)
        {
            if ((uint)identifiers[i] >= (uint)count)
            {
                throw Error.Range($"{argument}[{i}]", identifiers[i], $"from 0 to {count - 1}");
            }
        }
    }
}

namespace LongSeqKernels;

/// <summary>The reference has nothing to decide: one row after the other, all keys of a row in one go.</summary>
internal sealed class ReferencePlan(CrossAttentionShape shape) : ExecutionPlan
{
    /// <summary>Logits and weights of one row.</summary>
    public override long WorkspaceBytes => 2 * sizeof(double) * shape.History.MaxLength;

    public override string Explain() =>
        $"reference: {shape.Form} history, {shape.Rows} rows one after the other in fp64, no splits.";
}

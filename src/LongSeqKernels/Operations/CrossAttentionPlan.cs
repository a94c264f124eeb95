namespace LongSeqKernels;

/// <summary>
/// How one backend will run one shape of cross attention: kernel, splits, workspace. Immutable and thread-safe; made once per batch shape
/// and reused by all layers, forward and backward. The same plan gives the same bits for the same inputs.
/// </summary>
public sealed class CrossAttentionPlan
{
    internal CrossAttentionPlan(LongSeqContext context, CrossAttentionShape shape, CrossAttentionOptions options)
    {
        context.ThrowIfDisposed();
        Shape = shape.Checked();
        options.Validate(Shape);
        Options = options;
        Context = context;
        Execution = context.Kernels.PlanCrossAttention(Shape, options);
    }

    /// <summary>The shape, with its defaults filled in.</summary>
    public CrossAttentionShape Shape { get; }

    /// <summary>The numerical switches.</summary>
    public CrossAttentionOptions Options { get; }

    /// <summary>What the backend decided.</summary>
    public ExecutionPlan Execution { get; }

    /// <summary>Bytes that a forward run needs beyond its inputs and outputs, whatever the history length.</summary>
    public long WorkspaceBytes => Execution.WorkspaceBytes;

    /// <summary>The kernel, the splits and why they were chosen, in one or more lines.</summary>
    public string Explain() => Execution.Explain();

    internal LongSeqContext Context { get; }
}

/// <summary>A backend's decisions for one shape. Backends derive their own; callers read what it costs and why.</summary>
public abstract class ExecutionPlan
{
    /// <summary>Bytes of workspace of one run.</summary>
    public abstract long WorkspaceBytes { get; }

    /// <summary>Kernel, splits and reasons.</summary>
    public abstract string Explain();
}

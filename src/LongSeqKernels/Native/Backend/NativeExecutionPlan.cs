using System.Collections.Concurrent;

namespace LongSeqKernels.Native;

/// <summary>
/// The native plans of one shape of cross attention, one per storage type: each is made when it is first run, because the public plan is made
/// before the type is known.
/// </summary>
internal sealed class NativeExecutionPlan(NativeDevice device, CrossAttentionShape shape, CrossAttentionOptions options) : ExecutionPlan
{
    private readonly ConcurrentDictionary<(ElementType Input, ElementType Output), Lazy<NativePlan>> _plans = [];

    /// <summary>Of the plans that have been run, or of fp32.</summary>
    public override long WorkspaceBytes => Made().Max(plan => plan.ForwardWorkspaceBytes);

    public override string Explain() =>
        "native: " + string.Join(Environment.NewLine, Made().Select(plan => plan.Explain()));

    public NativeCrossAttentionPlan<T, TOutput> Of<T, TOutput>()
        where T : unmanaged
        where TOutput : unmanaged =>
        (NativeCrossAttentionPlan<T, TOutput>)_plans.GetOrAdd(
            (Element<T>.Type, Element<TOutput>.Type),
            // What fails once, where the device is short of memory, is tried again at the next run.
            static (_, of) => new Lazy<NativePlan>(
                () => NativeCrossAttentionPlan<T, TOutput>.Create(of.Device, of.Shape, of.Options), LazyThreadSafetyMode.PublicationOnly),
            (Device: device, Shape: shape, Options: options)).Value;

    private NativePlan[] Made()
    {
        NativePlan[] made = [.. _plans.Values.Where(plan => plan.IsValueCreated).Select(plan => plan.Value)];
        return made.Length > 0 ? made : [Of<float, float>()];
    }
}

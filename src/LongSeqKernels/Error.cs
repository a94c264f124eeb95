namespace LongSeqKernels;

/// <summary>The texts about tensors, which only the core knows.</summary>
internal static partial class Error
{
    public static NotSupportedException UnsupportedElement(Type type) =>
        new($"Element type {type.Name} is not supported: tensors are float (fp32), BFloat16 or Half (fp16).");

    public static ObjectDisposedException Disposed(string argument) =>
        new(objectName: null, $"{argument} has been disposed; dispose memory after its last run or copy has been enqueued.");

    public static NotSupportedException UnsupportedDLPackElement(Type type) =>
        new($"Element type {type.Name} is not exchanged by DLPack: tensors are float, BFloat16, Half, long or byte.");

    public static NotSupportedException DLPackVersion(uint major, uint minor) =>
        new($"The DLPack tensor's version is {major}.{minor}; it must be {Interchange.DLPackVersion.Supported}.x, whose layout is known here. It was given back to its producer.");

    public static ArgumentException DLPack(string part, string was, string mustBe) => new($"The DLPack tensor's {part} is {was}; it must be {mustBe}.");

    public static InvalidOperationException DLPackConsumed() =>
        new("The DLPack capsule has been consumed: its tensor belongs to whom it was handed to. Export the tensor again to share it again.");

    public static InvalidOperationException ReadOnlyTensor() =>
        new("The tensor is read-only, as its producer demands; copy it to memory of your own to write.");
}

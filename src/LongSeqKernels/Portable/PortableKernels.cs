namespace LongSeqKernels.Portable;

/// <summary>
/// The kernel bodies of this folder run as plain loops on the caller's thread. For tests and for reading: what it computes, a GPU back end that
/// launches the same bodies computes.
/// </summary>
internal sealed partial class PortableKernels : IKernels
{
    public string Name => "portable";

    public string Description => "scalar bodies over views, one thread";

    public void Dispose()
    {
        // Holds nothing.
    }
}

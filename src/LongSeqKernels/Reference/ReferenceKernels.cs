namespace LongSeqKernels;

/// <summary>
/// The executable specification: every operation in fp64, scalar, one naive method each, written to be read. What <c>lsk verify</c> and
/// every parity test compare with. Results are rounded once, when they are stored.
/// </summary>
internal sealed partial class ReferenceKernels : IKernels
{
    public string Name => "reference";

    public string Description => "fp64, scalar, one thread";

    public void Dispose()
    {
        // Holds nothing.
    }
}

namespace LongSeqKernels;

// Operations whose kernels are still to land.
internal sealed partial class ManagedKernels : IKernels
{

}

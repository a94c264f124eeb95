using ILGPU;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// The work of one kernel: its operands, and what one item of it does, without barriers and without atomics. Implemented by structs only: ILGPU compiles one
/// kernel per struct.
/// </summary>
internal interface IWork
{
    /// <summary>Does one item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="worker">Who does it, for scratch memory: a worker does one item at a time.</param>
    void Run(long item, long worker);
}

/// <summary>The one kernel: workers take items in turn, so a launch needs no more workers, and no more scratch, than the device runs at a time.</summary>
internal static class WorkKernel
{
    /// <summary>What worker <paramref name="worker"/> does.</summary>
    public static void Run<TWork>(Index1D worker, TWork work, long items, long workers)
        where TWork : struct, IWork
    {
        for (long item = worker; item < items; item += workers)
        {
            work.Run(item, worker);
        }
    }
}

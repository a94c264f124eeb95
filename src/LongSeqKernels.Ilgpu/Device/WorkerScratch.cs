namespace LongSeqKernels.Ilgpu;

/// <summary>Scratch memory with a place for every worker of a kernel.</summary>
/// <param name="values"><c>[workers, width]</c>.</param>
/// <param name="width">fp32 numbers of one worker.</param>
/// <param name="workers">Places.</param>
internal readonly struct WorkerScratch(TensorView values, int width, long workers)
{
    private readonly int _width = width;

    public TensorView Values { get; } = values;

    public long Workers { get; } = workers;

    /// <summary>Where a worker's place starts.</summary>
    public long Start(long worker) => worker * _width;
}

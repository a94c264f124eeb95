using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>An accelerator with what every operation needs of it: compiled kernels, and memory that stands for tensors that are not given.</summary>
internal sealed class IlgpuDevice : IDisposable
{
    private readonly Context? _context;
    private readonly Dictionary<Type, Delegate> _kernels = [];
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _noSingles;
    private readonly MemoryBuffer1D<ushort, Stride1D.Dense> _noWords;
    private readonly MemoryBuffer1D<long, Stride1D.Dense> _noIndices;

    /// <summary>Uses an accelerator.</summary>
    /// <param name="accelerator">The accelerator, whose context was made with <c>EnableAlgorithms()</c>.</param>
    /// <param name="context">The context to dispose of with it, and the accelerator with that; null when both are the caller's.</param>
    public IlgpuDevice(Accelerator accelerator, Context? context)
    {
        Accelerator = accelerator;
        _context = context;
        _noSingles = accelerator.Allocate1D<float>(1);
        _noWords = accelerator.Allocate1D<ushort>(1);
        _noIndices = accelerator.Allocate1D<long>(1);
    }

    public Accelerator Accelerator { get; }

    /// <summary>Held by the operation that runs: accelerators are bound to the thread that uses them.</summary>
    public Lock Gate { get; } = new();

    public ArrayView<float> NoSingles => _noSingles.View.AsContiguous();

    public ArrayView<ushort> NoWords => _noWords.View.AsContiguous();

    public ArrayView<long> NoIndices => _noIndices.View.AsContiguous();

    /// <summary>The compiled kernel of a work; compiles it at its first use.</summary>
    public Action<AcceleratorStream, Index1D, TWork, long, long> Kernel<TWork>()
        where TWork : struct, IWork
    {
        if (!_kernels.TryGetValue(typeof(TWork), out Delegate? kernel))
        {
            kernel = Accelerator.LoadAutoGroupedKernel<Index1D, TWork, long, long>(WorkKernel.Run);
            _kernels.Add(typeof(TWork), kernel);
        }
        return (Action<AcceleratorStream, Index1D, TWork, long, long>)kernel;
    }

    public void Dispose()
    {
        _noSingles.Dispose();
        _noWords.Dispose();
        _noIndices.Dispose();
        if (_context is not null)
        {
            Accelerator.Dispose();
            _context.Dispose();
        }
    }
}

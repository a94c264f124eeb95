using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>An accelerator with what every operation needs of it: compiled kernels, and memory that stands for tensors that are not given.</summary>
internal sealed class IlgpuDevice : IDisposable
{
    private readonly Context? _context;
    private readonly Lock _gate = new();
    private readonly Dictionary<Type, Delegate> _kernels = [];
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _noSingles;
    private readonly MemoryBuffer1D<ushort, Stride1D.Dense> _noWords;
    private readonly MemoryBuffer1D<long, Stride1D.Dense> _noIndices;
    private bool _disposed;

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

    /// <summary>Begins an operation when the one that runs has ended: accelerators are bound to the thread that uses them.</summary>
    /// <exception cref="ObjectDisposedException">There will be none any more.</exception>
    public void Begin()
    {
        _gate.Enter();
        if (_disposed)
        {
            _gate.Exit();
            throw new ObjectDisposedException(nameof(LongSeqContext));
        }
    }

    /// <summary>Ends the operation that this thread began.</summary>
    public void End() => _gate.Exit();

    /// <summary>Frees what operations use, when the one that runs has ended.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }
            _disposed = true;
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
}

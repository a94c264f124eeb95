using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>The CPU backend: SIMD kernels over all cores.</summary>
internal sealed partial class ManagedKernels : IKernels
{
    private readonly SimdLevel _simd;
    private readonly WorkerPool _pool;
    private readonly ScratchPool _scratch = new();
    private readonly DenseKernels _dense;
    private readonly LinearAttentionKernels _linearAttention;
    private readonly SketchAttentionKernels _sketchAttention;
    private readonly RowKernels _rows;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="level">The vector width; null means what <c>LONGSEQ_SIMD</c> names, or else the widest that this machine has.</param>
    public ManagedKernels(int threads, SimdLevel? level = null)
    {
        _simd = level ?? SimdLevels.Choose(Environment.GetEnvironmentVariable("LONGSEQ_SIMD"));
        _pool = new WorkerPool(threads);
        switch (_simd)
        {
            case SimdLevel.Vector512:
                _dense = new DenseKernels<Simd512, Vector512<float>>(_pool, _scratch);
                _linearAttention = new LinearAttentionKernels<Simd512, Vector512<float>>(_pool, _scratch);
                _sketchAttention = new SketchAttentionKernels<Simd512, Vector512<float>>(_pool, _scratch);
                _rows = new RowKernels<Simd512, Vector512<float>>(_pool, _scratch);
                break;
            case SimdLevel.Vector256:
                _dense = new DenseKernels<Simd256, Vector256<float>>(_pool, _scratch);
                _linearAttention = new LinearAttentionKernels<Simd256, Vector256<float>>(_pool, _scratch);
                _sketchAttention = new SketchAttentionKernels<Simd256, Vector256<float>>(_pool, _scratch);
                _rows = new RowKernels<Simd256, Vector256<float>>(_pool, _scratch);
                break;
            default:
                _dense = new DenseKernels<Simd128, Vector128<float>>(_pool, _scratch);
                _linearAttention = new LinearAttentionKernels<Simd128, Vector128<float>>(_pool, _scratch);
                _sketchAttention = new SketchAttentionKernels<Simd128, Vector128<float>>(_pool, _scratch);
                _rows = new RowKernels<Simd128, Vector128<float>>(_pool, _scratch);
                break;
        }
    }

    public string Name => "managed";

    public string Description => $"{SimdLevels.Name(_simd)}, {_pool.Threads} threads";

    /// <summary>The memory that runs rent beside their inputs and outputs.</summary>
    internal ScratchPool Scratch => _scratch;

    public void Dispose()
    {
        _pool.Dispose();
        _scratch.Dispose();
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>
/// The arguments of one run: checks each tensor, keeps it alive until the run is enqueued (or, while the stream is captured, as long as the
/// graph), and gives its address. Every thread has one and uses it again, so a run allocates nothing.
/// </summary>
internal sealed class NativeRun : IDisposable
{
    /// <summary>More than the tensors of any operation.</summary>
    private const int MostTensors = 32;

    [ThreadStatic]
    private static NativeRun? s_idle;

    private readonly Tensor[] _tensors = new Tensor[MostTensors];
    private readonly SafeHandle?[] _held = new SafeHandle?[MostTensors + 1];
    private NativeDevice? _device;
    private List<SafeHandle>? _captured;
    private int _tensorCount;
    private int _heldCount;

    /// <summary>The workspace of the run; no handle where the plan needs none.</summary>
    public BufferHandle Workspace { get; private set; } = BufferHandle.None;

    /// <summary>Starts to collect the tensors of a copy. Dispose the result when it is enqueued.</summary>
    public static NativeRun Begin(DeviceStream stream)
    {
        NativeRun run = s_idle ?? new NativeRun();
        s_idle = null;
        run._device = stream.Device;
        run._captured = stream.Captured;
        return run;
    }

    /// <summary>Starts to collect the tensors of a run.</summary>
    /// <param name="plan">What runs.</param>
    /// <param name="stream">Where.</param>
    /// <param name="direction">Forward or backward.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public static NativeRun Begin(NativePlan plan, DeviceStream stream, LskDirection direction, DeviceWorkspace? workspace)
    {
        if (stream.Device != plan.Device)
        {
            throw Error.Invalid(nameof(stream), "a stream of another device", "one of the plan's device");
        }
        long bytes = plan.WorkspaceBytes(direction);
        if (bytes > (workspace?.Bytes ?? 0))
        {
            throw workspace is null
                ? Error.Invalid(nameof(workspace), "null", $"a workspace of {bytes} bytes")
                : Error.Range(nameof(workspace), workspace.Bytes, $"a workspace of {bytes} bytes or more");
        }
        NativeRun run = Begin(stream);
        try
        {
            run.Retain(plan.Handle);
            if (workspace is not null)
            {
                run.Use(workspace.Memory, nameof(workspace));
                run.Workspace = workspace.Handle;
            }
        }
        catch
        {
            run.Dispose();
            throw;
        }
        return run;
    }

    /// <summary>The size that a native struct starts with.</summary>
    public static uint SizeOf<T>()
        where T : unmanaged => (uint)Unsafe.SizeOf<T>();

    public unsafe T* Input<T>(DeviceSlice<T> slice, long mustBe, string meaning, [CallerArgumentExpression(nameof(slice))] string argument = "")
        where T : unmanaged => Add(slice, mustBe, meaning, false, argument);

    /// <summary>An input that may be missing.</summary>
    public unsafe T* OptionalInput<T>(DeviceSlice<T> slice, long mustBe, string meaning, [CallerArgumentExpression(nameof(slice))] string argument = "")
        where T : unmanaged => slice.IsEmpty ? null : Add(slice, mustBe, meaning, false, argument);

    public unsafe T* Output<T>(DeviceSlice<T> slice, long mustBe, string meaning, [CallerArgumentExpression(nameof(slice))] string argument = "")
        where T : unmanaged => Add(slice, mustBe, meaning, true, argument);

    /// <summary>An output that may be missing.</summary>
    public unsafe T* OptionalOutput<T>(DeviceSlice<T> slice, long mustBe, string meaning, [CallerArgumentExpression(nameof(slice))] string argument = "")
        where T : unmanaged => slice.IsEmpty ? null : Add(slice, mustBe, meaning, true, argument);

    /// <summary>Keeps memory alive for the run.</summary>
    public void Use(DeviceMemory memory, string argument)
    {
        if (memory.Device != _device)
        {
            throw Error.Invalid(argument, "memory of another device", "memory of the stream's device");
        }
        memory.ThrowIfDisposed(argument);
        Retain(memory.Handle);
    }

    /// <summary>No output may overlap another tensor: kernels read inputs while they write outputs.</summary>
    public void CheckDisjoint()
    {
        for (int i = 0; i < _tensorCount; i++)
        {
            ref Tensor one = ref _tensors[i];
            for (int j = i + 1; j < _tensorCount; j++)
            {
                ref Tensor other = ref _tensors[j];
                if ((one.IsOutput || other.IsOutput) && one.Start < other.End && other.Start < one.End)
                {
                    (string output, string argument) = one.IsOutput ? (one.Name, other.Name) : (other.Name, one.Name);
                    throw Error.Invalid(output, $"memory that overlaps {argument}", "memory of its own");
                }
            }
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _heldCount; i++)
        {
            _held[i]!.DangerousRelease();
            _held[i] = null;
        }
        _heldCount = 0;
        _tensorCount = 0;
        _device = null;
        _captured = null;
        Workspace = BufferHandle.None;
        s_idle = this;
    }

    private unsafe T* Add<T>(DeviceSlice<T> slice, long mustBe, string meaning, bool isOutput, string argument)
        where T : unmanaged
    {
        if (slice.Length != mustBe)
        {
            throw Error.Length(argument, slice.Length, mustBe, meaning);
        }
        if (slice.Memory is { } memory)
        {
            Use(memory, argument);
            if (isOutput)
            {
                memory.ThrowIfReadOnly(argument);
            }
        }
        _tensors[_tensorCount++] = new Tensor(slice.Pointer, slice.Pointer + (nint)(slice.Length * Unsafe.SizeOf<T>()), isOutput, argument);
        return (T*)slice.Pointer;
    }

    private void Retain(SafeHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _held[_heldCount++] = handle;
        if (_captured is { } captured)
        {
            handle.DangerousAddRef(ref added);
            captured.Add(handle);
        }
    }

    private readonly record struct Tensor(nint Start, nint End, bool IsOutput, string Name);
}

using System.Runtime.InteropServices;

namespace LongSeqKernels.Interchange;

/// <summary>
/// Elements in host memory of another library, without a copy: a tensor of ONNX Runtime or TorchSharp, or a DLPack tensor. Operations take its spans.
/// </summary>
/// <remarks>
/// A span does not hold its tensor: one that nothing refers to any more gives its memory back, also while an operation runs on its span. Dispose it behind the last use
/// (<c>using</c> does), or keep it with <see cref="GC.KeepAlive"/>.
/// </remarks>
/// <typeparam name="T"><see cref="float"/>, <see cref="BFloat16"/>, <see cref="Half"/>, or <see cref="long"/> for times and <see cref="byte"/> for codes.</typeparam>
public sealed class HostTensor<T> : IDisposable
    where T : unmanaged
{
    private readonly OwnerHandle _owner;
    private readonly nint _pointer;

    internal HostTensor(nint pointer, int length, bool isReadOnly, Action? release)
    {
        _pointer = pointer;
        Length = length;
        IsReadOnly = isReadOnly;
        _owner = new OwnerHandle(release);
    }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    /// <summary>Whether the owner forbids writing.</summary>
    public bool IsReadOnly { get; }

    /// <summary>The elements, valid until this is disposed or forgotten.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public unsafe ReadOnlySpan<T> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_owner.IsClosed, this);
            return new ReadOnlySpan<T>((void*)_pointer, Length);
        }
    }

    /// <summary>The elements, to be written; valid until this is disposed or forgotten.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    /// <exception cref="InvalidOperationException">The owner forbids writing.</exception>
    public unsafe Span<T> WritableSpan
    {
        get
        {
            ObjectDisposedException.ThrowIf(_owner.IsClosed, this);
            return IsReadOnly ? throw Error.ReadOnlyTensor() : new Span<T>((void*)_pointer, Length);
        }
    }

    /// <summary>Wraps memory of another library, which must stay valid until the result is disposed.</summary>
    /// <param name="pointer">The address, aligned to the elements; 0 for none.</param>
    /// <param name="length">Elements, from 0 to 2^31 - 1: those of a span.</param>
    /// <param name="release">Called once, when the result is disposed or forgotten, possibly on the finalizer's thread; must not throw. Null where nothing is to be done.</param>
    /// <exception cref="ArgumentException">The pointer is 0 or not aligned, or the length is out of range.</exception>
    public static HostTensor<T> Wrap(nint pointer, long length, Action? release = null)
    {
        int elements = CheckedLength(length);
        Check.Address<T>(pointer, elements);
        return new HostTensor<T>(pointer, elements, isReadOnly: false, release);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _owner.Dispose();

    internal static int CheckedLength(long length) => length is >= 0 and <= int.MaxValue ? (int)length : throw Error.Range(nameof(length), length, $"from 0 to {int.MaxValue}, the elements of a span");

    private sealed class OwnerHandle : SafeHandle
    {
        private readonly Action? _release;

        public OwnerHandle(Action? release)
            : base(0, ownsHandle: true)
        {
            _release = release;
            SetHandle(1);
        }

        public override bool IsInvalid => false;

        protected override bool ReleaseHandle()
        {
            _release?.Invoke();
            return true;
        }
    }
}

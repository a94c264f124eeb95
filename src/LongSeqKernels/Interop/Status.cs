using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Native;

namespace LongSeqKernels.Interop;

/// <summary>What native functions answer, as exceptions.</summary>
internal static class Status
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThrowIfFailed(this LskStatus status)
    {
        if (status != LskStatus.Ok)
        {
            throw Failure(status);
        }
    }

    /// <summary>The exception of a failure that this thread's last native call reported.</summary>
    public static unsafe Exception Failure(LskStatus status)
    {
        string? text = Marshal.PtrToStringUTF8((nint)Lsk.LastError());
        return Failure(status, string.IsNullOrEmpty(text) ? $"The native library failed with status {(int)status} ({status})." : text);
    }

    public static Exception Failure(LskStatus status, string text) => status switch
    {
        LskStatus.InvalidArgument => new ArgumentException(text),
        LskStatus.Unsupported => new NotSupportedException(text),
        LskStatus.OutOfMemory => new OutOfMemoryException(text),
        LskStatus.NoDriver or LskStatus.NoDevice or LskStatus.UnsupportedDevice => new PlatformNotSupportedException(text),
        _ => new LongSeqNativeException(text, (int)status),
    };
}

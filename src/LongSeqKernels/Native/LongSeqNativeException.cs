namespace LongSeqKernels.Native;

/// <summary>A device failed. Its message has the CUDA error.</summary>
public sealed class LongSeqNativeException : Exception
{
    private const int ContextLost = (int)Interop.LskStatus.ContextLost;

    /// <summary>Without details.</summary>
    public LongSeqNativeException()
    {
    }

    /// <summary>With a message.</summary>
    public LongSeqNativeException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and its cause.</summary>
    public LongSeqNativeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal LongSeqNativeException(string message, int nativeCode)
        : base(message) => NativeCode = nativeCode;

    /// <summary>The status that the native library answered (lsk_status in its header).</summary>
    public int NativeCode { get; }

    /// <summary>Whether every further call on the device will fail too: a kernel failed, and the device must be opened anew in another process.</summary>
    public bool IsContextLost => NativeCode == ContextLost;
}

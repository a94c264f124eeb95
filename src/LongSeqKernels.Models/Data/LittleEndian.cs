namespace LongSeqKernels.Models;

/// <summary>Files are little-endian and are read and written as memory is.</summary>
internal static class LittleEndian
{
    /// <summary>Refuses machines whose memory is big-endian.</summary>
    public static void Require()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Safetensors files are read and written on little-endian machines only.");
        }
    }
}

using System.Runtime.InteropServices;

namespace LongSeqKernels;

/// <summary>
/// Large pages for large memory, where the system gives them when asked (Linux, transparent_hugepage = madvise). A history that is read from end to end meets a
/// new page of 4 KiB every tenth of a microsecond: there the hardware's prefetcher stops, and a software prefetch waits for the page's address.
/// </summary>
internal static unsafe partial class HugePages
{
    /// <summary>Bytes of a large page on x64, and on ARM64 where the small ones have 4 KiB.</summary>
    private const long PageBytes = 2 << 20;

    private const int AdviseHugePage = 14;

    /// <summary>Asks for large pages wherever whole ones fit. Does nothing on other systems, and nothing is lost where the request is refused.</summary>
    /// <param name="address">First byte of memory that was not written to yet: pages get their size when they are first touched.</param>
    /// <param name="bytes">Bytes.</param>
    public static void Advise(nint address, long bytes)
    {
        long first = (address + PageBytes - 1) / PageBytes * PageBytes;
        long end = (address + bytes) / PageBytes * PageBytes;
        if (OperatingSystem.IsLinux() && first < end)
        {
            _ = MemoryAdvise((void*)first, (nuint)(end - first), AdviseHugePage);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(void* address, nuint length, int advice);
}

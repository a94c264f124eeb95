using System.Runtime.InteropServices;

namespace LongSeqKernels.Benchmarks;

/// <summary>Processor time of this process in nanosecond steps; Process.TotalProcessorTime moves in steps of 10 ms on Linux.</summary>
internal static partial class ProcessorClock
{
    private const int ProcessCpuTime = 2; // CLOCK_PROCESS_CPUTIME_ID

    /// <summary>Seconds of processor time used so far; 0 where the system has no such clock.</summary>
    public static double Seconds() => OperatingSystem.IsLinux() && ClockGetTime(ProcessCpuTime, out TimeSpec now) == 0 ? now.Seconds + (now.Nanoseconds * 1e-9) : 0;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ClockGetTime(int clock, out TimeSpec now);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}

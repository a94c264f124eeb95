using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels.Cli;

/// <summary>What this machine is, as far as the operating system and the runtime tell.</summary>
/// <param name="Processor">Model name, or the architecture.</param>
/// <param name="Architecture">X64, Arm64, ...</param>
/// <param name="Threads">Processors that this process may use.</param>
/// <param name="VectorBits">Widest accelerated vector.</param>
/// <param name="InstructionSets">Those that matter to the kernels.</param>
/// <param name="MemoryBytes">Memory that this process may use.</param>
internal sealed record MachineInfo(
    string Processor, string Architecture, int Threads, int VectorBits, IReadOnlyList<string> InstructionSets, long MemoryBytes)
{
    public static MachineInfo Read() => new(
        ProcessorName(),
        RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0,
        InstructionSetNames(),
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    private static string ProcessorName()
    {
        const string Linux = "/proc/cpuinfo";
        if (File.Exists(Linux))
        {
            foreach (string line in File.ReadLines(Linux))
            {
                if (line.StartsWith("model name", StringComparison.Ordinal) && line.IndexOf(':', StringComparison.Ordinal) is var colon and > 0)
                {
                    return line[(colon + 1)..].Trim();
                }
            }
        }
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"{RuntimeInformation.ProcessArchitecture} processor";
    }

    private static List<string> InstructionSetNames()
    {
        (string Name, bool Present)[] known =
        [
            ("AVX-512", System.Runtime.Intrinsics.X86.Avx512F.IsSupported),
            ("AVX2", System.Runtime.Intrinsics.X86.Avx2.IsSupported),
            ("FMA", System.Runtime.Intrinsics.X86.Fma.IsSupported),
            ("SSE4.2", System.Runtime.Intrinsics.X86.Sse42.IsSupported),
            ("AdvSIMD", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported),
        ];
        List<string> names = [.. known.Where(set => set.Present).Select(set => set.Name)];
        return names.Count > 0 ? names : ["none that the runtime knows"];
    }
}

/// <summary>The two measured roofs of this machine, all threads together.</summary>
internal sealed record RooflineInfo(double GigaflopsPerSecond, double ReadGigabytesPerSecond)
{
    public static RooflineInfo Of(MachineRates rates) => new(rates.FlopsPerSecond / 1e9, rates.ReadBytesPerSecond / 1e9);
}

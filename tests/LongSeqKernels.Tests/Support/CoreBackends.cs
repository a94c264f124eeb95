using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <content>The backends of the core.</content>
public static partial class BackendRegistry
{
    /// <summary>More threads than the usual test machine has cores, and not a power of two: work is cut at unusual places.</summary>
    private const int ManagedThreads = 3;

    /// <summary>Keeps a test on the emulator to about a second.</summary>
    private const double MostEmulatedMultiplyAdds = 10e6;

    private static readonly Dictionary<string, Lazy<LongSeqContext>> Contexts = new()
    {
        ["reference"] = new(() => Reference),
        ["portable"] = new(() => LongSeqContext.Create(Backend.Portable)),
        ["managed 512"] = Managed(SimdLevel.Vector512),
        ["managed 256"] = Managed(SimdLevel.Vector256),
        ["managed 128"] = Managed(SimdLevel.Vector128),
        [NativeName] = new(Native),
    };

    /// <summary>Backends of this build that cannot run here, and why.</summary>
    public static IReadOnlyList<(string Name, string Reason)> LeftOut { get; } =
    [
        .. from level in Enum.GetValues<SimdLevel>()
           where !SimdLevels.IsSupported(level)
           select ($"managed {(int)level}", $"this CPU has no {SimdLevels.Name(level)}"),
        .. EmulatedLibrary.WhyMissing is { } reason ? new[] { (NativeName, reason) } : [],
    ];

    /// <summary>
    /// Backends for what bad arguments lead to. The checks are the same for all, so one stands for those of this process; the native library has checks
    /// of its own behind them.
    /// </summary>
    public static IEnumerable<TestFixtureData> ArgumentBackends =>
        from backend in Present.Intersect(["managed 128", NativeName])
        select new TestFixtureData(backend);

    private static Lazy<LongSeqContext> Managed(SimdLevel level) =>
        new(() => LongSeqContext.Create(new ManagedKernels(ManagedThreads, level), Backend.Managed));

    /// <summary>The CUDA kernels: on a GPU where LONGSEQKERNELS_NATIVE_PATH names a library for one, else emulated.</summary>
    private static LongSeqContext Native()
    {
        var kernels = NativeKernels.CreateAny();
        return LongSeqContext.Create(LongSeqNative.LoadReport.IsEmulated ? new EmulatedKernels(kernels, MostEmulatedMultiplyAdds) : kernels, Backend.Native);
    }
}

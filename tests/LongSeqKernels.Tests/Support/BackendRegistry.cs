using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// The backends that the parity suite runs over. A backend that this build knows but this machine cannot run belongs in
/// <see cref="LeftOut"/>, with the reason: it is then reported by name, never silently skipped.
/// </summary>
public static class BackendRegistry
{
    /// <summary>The CUDA kernels, on a GPU or emulated.</summary>
    public const string NativeName = "native";

    /// <summary>More threads than the usual test machine has cores, and not a power of two: work is cut at unusual places.</summary>
    private const int ManagedThreads = 3;

    /// <summary>Keeps a test on the emulator to about a second.</summary>
    private const double MostEmulatedMultiplyAdds = 10e6;

    private static readonly Dictionary<string, Lazy<LongSeqContext>> Contexts = new()
    {
        ["reference"] = new(() => LongSeqContext.Create(Backend.Reference)),
        ["portable"] = new(() => LongSeqContext.Create(Backend.Portable)),
        ["managed 512"] = Managed(SimdLevel.Vector512),
        ["managed 256"] = Managed(SimdLevel.Vector256),
        ["managed 128"] = Managed(SimdLevel.Vector128),
        [NativeName] = new(Native),
    };

    /// <summary>The names of the backends under test.</summary>
    public static IEnumerable<string> Present => Contexts.Keys.Where(name => LeftOut.All(left => left.Name != name));

    /// <summary>Backends of this build that cannot run here, and why.</summary>
    public static IReadOnlyList<(string Name, string Reason)> LeftOut { get; } =
    [
        .. from level in Enum.GetValues<SimdLevel>()
           where !SimdLevels.IsSupported(level)
           select ($"managed {(int)level}", $"this CPU has no {SimdLevels.Name(level)}"),
        .. EmulatedLibrary.WhyMissing is { } reason ? new[] { (NativeName, reason) } : [],
    ];

    /// <summary>The specification.</summary>
    public static LongSeqContext Reference => Context("reference");

    /// <summary>One context per backend, shared by all tests.</summary>
    public static LongSeqContext Context(string backend) => Contexts[backend].Value;

    /// <summary>Backend times storage type, for fixtures <c>Parity&lt;T&gt;(string backend)</c>.</summary>
    public static IEnumerable<TestFixtureData> BackendsAndElements =>
        from backend in Present
        from element in new[] { typeof(float), typeof(BFloat16), typeof(Half) }
        select new TestFixtureData(element, backend);

    /// <summary>Backends, for fixtures of operations that are fp32 only.</summary>
    public static IEnumerable<TestFixtureData> Backends => from backend in Present select new TestFixtureData(backend);

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

    internal static void DisposeAll()
    {
        foreach (Lazy<LongSeqContext> context in Contexts.Values.Where(c => c.IsValueCreated))
        {
            context.Value.Dispose();
        }
    }
}

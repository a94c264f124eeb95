using LongSeqKernels.Native;

namespace LongSeqKernels;

/// <summary>Settings of a context.</summary>
public readonly record struct LongSeqContextOptions
{
    /// <summary>More threads than this are taken for a mistake.</summary>
    internal const int MaxThreads = 1024;

    /// <summary>Threads of the CPU backends, the caller's included; 0, the default, means one for every processor of this process.</summary>
    public int Threads { get; init; }

    /// <summary>The machine's rates for cost models; null, the default, measures them when they are first asked for (a GPU's are those that its maker publishes).</summary>
    public MachineRates? Rates { get; init; }

    /// <summary>Backends from other packages that may run; none by default. <see cref="Backend.Auto"/> asks them in their order.</summary>
    public IReadOnlyList<IBackendProvider>? Providers { get; init; }
}

/// <summary>
/// A backend ready to run. Create one and keep it: it owns worker threads and scratch memory. Operations on one context are thread-safe on
/// distinct outputs; those of different threads may wait for each other's worker threads.
/// </summary>
public sealed class LongSeqContext : IDisposable
{
    private readonly string _choice;
    private readonly Lazy<MachineRates> _rates;
    private volatile bool _disposed;

    private LongSeqContext(IKernels kernels, Backend backend, string choice, int threads, MachineRates? rates)
    {
        _rates = new Lazy<MachineRates>(() => rates ?? (kernels as NativeKernels)?.Rates ?? MachineRates.Measure(threads));
        Kernels = kernels;
        Backend = backend;
        _choice = choice;
    }

    /// <summary>The backend that was chosen; never <see cref="Backend.Auto"/>.</summary>
    public Backend Backend { get; }

    /// <summary>The backend's kernels. Call the operation classes instead: they check arguments, kernels do not.</summary>
    public IKernels Kernels { get; }

    /// <summary>
    /// The machine's rates with this context's threads: as given in its options, else measured at the first use, which takes about a tenth of a second;
    /// a GPU's are those that its maker publishes for its generation.
    /// </summary>
    public MachineRates Rates => _rates.Value;

    /// <summary>Starts a backend. A backend named here never falls back to another: it throws.</summary>
    /// <param name="backend">Which one; <see cref="Backend.Auto"/> chooses, unless the environment variable <c>LONGSEQ_BACKEND</c> names one.</param>
    /// <param name="options">Threads, rates, and backends from other packages.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of range, <c>LONGSEQ_BACKEND</c> names no backend, or the backend that was named is in another package and no provider of it was given.
    /// </exception>
    /// <exception cref="PlatformNotSupportedException">A GPU backend was named, and the library, the driver or the GPU is missing or too old.</exception>
    public static LongSeqContext Create(Backend backend = Backend.Auto, LongSeqContextOptions options = default)
    {
        Check.Defined(backend);
        if (options.Threads is < 0 or > LongSeqContextOptions.MaxThreads)
        {
            throw Error.Range(nameof(options.Threads), options.Threads, $"from 1 to {LongSeqContextOptions.MaxThreads}, or 0 for one per processor");
        }
        options.Rates?.Validate();
        IReadOnlyList<IBackendProvider> providers = options.Providers ?? [];
        CheckProviders(providers);
        string choice = $"{backend} was asked for by name.";
        if (backend == Backend.Auto)
        {
            (backend, choice) = Choose(Environment.GetEnvironmentVariable("LONGSEQ_BACKEND"), providers);
        }
        int threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        return new LongSeqContext(Start(backend, threads, providers), backend, choice, threads, options.Rates);
    }

    /// <summary>A context over a backend that lives outside the core (ILGPU, a test double). The context disposes it.</summary>
    /// <param name="kernels">The backend.</param>
    /// <param name="backend">The backend of the core that it stands in for when asked what it is.</param>
    public static LongSeqContext Create(IKernels kernels, Backend backend) =>
        new(kernels, backend, $"{kernels.Name} was passed in.", threads: 0, rates: null);

    /// <summary>Which backend runs, on what, and why it was chosen.</summary>
    public string Explain() => $"{Kernels.Name}: {Kernels.Description}. {_choice}";

    /// <summary>Ends the backend's threads and frees its memory. Plans made with this context can no longer run.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Kernels.Dispose();
        }
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private static void CheckProviders(IReadOnlyList<IBackendProvider> providers)
    {
        for (int i = 0; i < providers.Count; i++)
        {
            string argument = $"{nameof(LongSeqContextOptions.Providers)}[{i}]";
            if (providers[i] is null)
            {
                throw Error.Invalid(argument, "null", "a provider");
            }
            if (providers[i].Backend != Backend.Ilgpu)
            {
                throw Error.Invalid(argument, $"one of {providers[i].Backend}", $"one of {Backend.Ilgpu}: the core has the other backends itself");
            }
        }
    }

    private static (Backend Backend, string Reason) Choose(string? requested, IReadOnlyList<IBackendProvider> providers)
    {
        if (string.IsNullOrEmpty(requested))
        {
            return ChooseByDevices(providers);
        }
        foreach (Backend backend in Enum.GetValues<Backend>())
        {
            if (backend != Backend.Auto && string.Equals(requested, backend.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return (backend, $"LONGSEQ_BACKEND={requested} names it.");
            }
        }
        throw Error.Invalid("LONGSEQ_BACKEND", $"\"{requested}\"", "one of reference, portable, managed, native, ilgpu, or unset");
    }

    /// <summary>The native library where it has a GPU; else a provider that has one; else the CPU.</summary>
    private static (Backend Backend, string Reason) ChooseByDevices(IReadOnlyList<IBackendProvider> providers)
    {
        if (NativeDevice.Count > 0)
        {
            return (Backend.Native, $"Auto chose it. {LongSeqNative.LoadReport}");
        }
        string findings = "";
        foreach (IBackendProvider provider in providers)
        {
            bool found = provider.FindsGpu(out string finding);
            findings += $" {finding}";
            if (found)
            {
                return (provider.Backend, $"Auto chose it: the native library can use no GPU. {LongSeqNative.LoadReport}{findings}");
            }
        }
        return (Backend.Managed, $"Auto chose it: no GPU can be used. {LongSeqNative.LoadReport}{findings}");
    }

    private static IKernels Start(Backend backend, int threads, IReadOnlyList<IBackendProvider> providers) => backend switch
    {
        Backend.Reference => new ReferenceKernels(),
        Backend.Portable => new Portable.PortableKernels(),
        Backend.Managed => new ManagedKernels(threads),
        Backend.Native => NativeKernels.Create(),
        _ => providers.FirstOrDefault(provider => provider.Backend == backend)?.Start() ?? throw Error.Invalid(
            nameof(backend), backend.ToString(), $"reference, portable, managed or native, or that of a provider in {nameof(LongSeqContextOptions)}.{nameof(LongSeqContextOptions.Providers)} " +
            "(Ilgpu: the package LongSeqKernels.Ilgpu has it, IlgpuBackend.Provider)"),
    };
}

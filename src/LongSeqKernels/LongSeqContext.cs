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
    /// <param name="options">Threads.</param>
    /// <exception cref="ArgumentException">An option is out of range, or <c>LONGSEQ_BACKEND</c> names no backend.</exception>
    /// <exception cref="PlatformNotSupportedException">The native backend was named, and the library, the driver or the GPU is missing or too old.</exception>
    public static LongSeqContext Create(Backend backend = Backend.Auto, LongSeqContextOptions options = default)
    {
        Check.Defined(backend);
        if (options.Threads is < 0 or > LongSeqContextOptions.MaxThreads)
        {
            throw Error.Range(nameof(options.Threads), options.Threads, $"from 1 to {LongSeqContextOptions.MaxThreads}, or 0 for one per processor");
        }
        options.Rates?.Validate();
        string choice = $"{backend} was asked for by name.";
        if (backend == Backend.Auto)
        {
            (backend, choice) = Choose(Environment.GetEnvironmentVariable("LONGSEQ_BACKEND"));
        }
        int threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        return new LongSeqContext(Start(backend, threads), backend, choice, threads, options.Rates);
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

    private static (Backend Backend, string Reason) Choose(string? requested)
    {
        if (string.IsNullOrEmpty(requested))
        {
            return NativeDevice.Count > 0
                ? (Backend.Native, $"Auto chose it. {LongSeqNative.LoadReport}")
                : (Backend.Managed, $"Auto chose it: no GPU can be used. {LongSeqNative.LoadReport}");
        }
        foreach (Backend backend in Enum.GetValues<Backend>())
        {
            if (backend != Backend.Auto && string.Equals(requested, backend.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return (backend, $"LONGSEQ_BACKEND={requested} names it.");
            }
        }
        throw Error.Invalid("LONGSEQ_BACKEND", $"\"{requested}\"", "one of reference, portable, managed, native, or unset");
    }

    private static IKernels Start(Backend backend, int threads) => backend switch
    {
        Backend.Reference => new ReferenceKernels(),
        Backend.Portable => new Portable.PortableKernels(),
        Backend.Managed => new ManagedKernels(threads),
        Backend.Native => NativeKernels.Create(),
        _ => throw Error.Invalid(nameof(backend), backend.ToString(), "reference, portable, managed or native"),
    };
}

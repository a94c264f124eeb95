using System.Net;

namespace LongSeqKernels.Serving;

/// <summary>What an endpoint serves, where, and how much it takes on.</summary>
public sealed record ScoringServerOptions
{
    /// <summary>Where to listen; port 0 for any free one. Plain HTTP: what faces other machines belongs behind a proxy that does TLS and authentication.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 8080);

    /// <summary>The version of the model: the one whose summaries are read.</summary>
    public required string Version { get; init; }

    /// <summary>Number of items that the model knows, 1 or more.</summary>
    public required int Items { get; init; }

    /// <summary>Context features that the model wants for a candidate, 0 or more.</summary>
    public int ContextWidth { get; init; }

    /// <summary>Finds an item by its name; null when names are not known and requests give numbers only.</summary>
    public Func<string, int?>? FindItem { get; init; }

    /// <summary>Most bytes of a request's body; more is answered with 413.</summary>
    public long MaxBodyBytes { get; init; } = 1 << 20;

    /// <summary>Most candidates of a request; more is answered with 413.</summary>
    public int MaxCandidates { get; init; } = 10_000;

    /// <summary>Most requests that wait to be scored; more are answered with 429.</summary>
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Most connections at a time; more are closed.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>Most requests that are scored in one run.</summary>
    public int MaxBatchRequests { get; init; } = 32;

    /// <summary>A batch with this many candidates takes no further request.</summary>
    public int MaxBatchCandidates { get; init; } = 8192;

    /// <summary>How long a batch that is not full waits for more; zero for not at all: then what arrives while a batch is scored is the next one.</summary>
    public TimeSpan BatchWindow { get; init; } = TimeSpan.Zero;

    /// <summary>How long a request may take from its first byte to its answer; then it is answered with 503.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a stopping server waits for requests in progress.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told of errors that are not the caller's.</summary>
    public Action<Exception>? Report { get; init; }

    internal void Check()
    {
        _ = SummaryRecordFormat.Name(Version, nameof(Version));
        AtLeast(Items, 1, nameof(Items));
        AtLeast(ContextWidth, 0, nameof(ContextWidth));
        AtLeast(MaxBodyBytes, 1, nameof(MaxBodyBytes));
        AtLeast(MaxCandidates, 1, nameof(MaxCandidates));
        AtLeast(MaxWaiting, 1, nameof(MaxWaiting));
        AtLeast(MaxConnections, 1, nameof(MaxConnections));
        AtLeast(MaxBatchRequests, 1, nameof(MaxBatchRequests));
        AtLeast(MaxBatchCandidates, 1, nameof(MaxBatchCandidates));
        AtLeast((long)BatchWindow.TotalMilliseconds, 0, nameof(BatchWindow));
        AtLeast((long)Timeout.TotalMilliseconds, 1, nameof(Timeout));
        AtLeast((long)ShutdownTimeout.TotalMilliseconds, 0, nameof(ShutdownTimeout));
    }

    private static void AtLeast(long was, long minimum, string option)
    {
        if (was < minimum)
        {
            throw Error.Range(option, was, $"{minimum} or more");
        }
    }
}

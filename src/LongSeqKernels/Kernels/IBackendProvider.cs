namespace LongSeqKernels;

/// <summary>
/// A backend that lives in a package of its own, for <see cref="LongSeqContextOptions.Providers"/>: the core refers to no such package and looks none up.
/// </summary>
public interface IBackendProvider
{
    /// <summary>The backend that it starts, one that the core has not.</summary>
    Backend Backend { get; }

    /// <summary>Whether this machine has a GPU that it can use, so that <see cref="Backend.Auto"/> may choose it.</summary>
    /// <param name="finding">The GPU, or what was looked for and not found; a sentence for people.</param>
    bool FindsGpu(out string finding);

    /// <summary>Starts the backend.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine has no device for it; the message is the finding.</exception>
    IKernels Start();
}

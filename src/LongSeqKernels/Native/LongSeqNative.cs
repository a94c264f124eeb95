using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>The native library of this process: where it was looked for and what came of it.</summary>
public static class LongSeqNative
{
    /// <summary>The environment variable that names the library's file; without it, the runtime looks in its usual places.</summary>
    public const string PathVariable = "LONGSEQKERNELS_NATIVE_PATH";

    /// <summary>
    /// The environment variable that, set to 1, lets <see cref="NativeDevice.Open"/> and <see cref="Backend.Native"/> take a library whose kernels run on the CPU: for tests, on
    /// machines without a GPU, of programs that use one. <see cref="Backend.Auto"/> never takes such a library.
    /// </summary>
    public const string EmulatorVariable = "LONGSEQKERNELS_EMULATOR";

    /// <summary>What happened when the library was loaded. Loads it at the first use; a failure stays, so that its cause is never lost.</summary>
    public static NativeLoadReport LoadReport => NativeLoader.Report;
}

/// <summary>What happened when the native library was loaded.</summary>
public sealed record NativeLoadReport
{
    private const string CudaTarget = "cuda";

    /// <summary>The file that was tried, or the name that the runtime was asked for.</summary>
    public required string Path { get; init; }

    /// <summary>Why the library could not be loaded; null when it was.</summary>
    public string? Error { get; init; }

    /// <summary>What to do about it; null when it was loaded.</summary>
    public string? Advice { get; init; }

    /// <summary>Every name that was tried with the system's answer; null when the library was loaded.</summary>
    public string? Trace { get; init; }

    /// <summary>The ABI of the library that was found, if it said.</summary>
    public int? AbiFound { get; init; }

    /// <summary>The ABI that this assembly needs.</summary>
    public int AbiExpected => Lsk.LskAbiVersion;

    /// <summary>What the library's kernels run on: "cuda", or "emulated" for the test build.</summary>
    public string? BuildTarget { get; init; }

    /// <summary>Devices that the library can run on.</summary>
    public int DeviceCount { get; init; }

    /// <summary>Why no device answers, with the version of the driver that was found and the one that is needed; null when the driver answers.</summary>
    public string? DeviceError { get; init; }

    /// <summary>Other files of this library, of any version, that this process had loaded before. Their contexts, streams and buffers are unknown to this one.</summary>
    public IReadOnlyList<string> OtherCopies { get; init; } = [];

    /// <summary>Whether the library was loaded. It may still have no device.</summary>
    public bool IsLoaded => Error is null;

    internal bool IsEmulated => IsLoaded && BuildTarget != CudaTarget;

    /// <summary>The whole report in one line.</summary>
    public override string ToString() =>
        Error is not null
            ? $"The native library could not be loaded: {Error}. Tried: {Path}; ABI needed: {AbiExpected}{(AbiFound is { } found ? $", found: {found}" : "")}. {Advice}"
            : Loaded() + (OtherCopies.Count == 0 ? "" : $" This process had loaded another copy before: {string.Join(", ", OtherCopies)}. Let one be loaded, or pass nothing from one to the other.");

    private string Loaded() =>
        DeviceError is not null ? $"The native library {Path} (ABI {AbiFound}, {BuildTarget}) is loaded, but: {DeviceError}"
        : IsEmulated ? $"The native library {Path} (ABI {AbiFound}) runs its kernels on an emulator, for tests only ({LongSeqNative.EmulatorVariable}=1 allows it)."
        : $"The native library {Path} (ABI {AbiFound}, {BuildTarget}) is loaded; devices: {DeviceCount}.";
}

using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using LongSeqKernels.Native;

namespace LongSeqKernels.Interop;

/// <summary>Finds and loads the native library, once per process, and keeps what happened.</summary>
internal static class NativeLoader
{
    private static readonly Lazy<(NativeLoadReport Report, nint Library)> Loaded = new(LoadAndRegister);

    /// <summary>Says where tests want the library loaded from, when it is first used; it is set before. Null: the variable, or the runtime's usual places.</summary>
    public static Func<string>? PathOverride { get; set; }

    public static NativeLoadReport Report => Loaded.Value.Report;

    /// <exception cref="PlatformNotSupportedException">The library could not be loaded.</exception>
    public static void EnsureLoaded()
    {
        if (!Report.IsLoaded)
        {
            throw new PlatformNotSupportedException(Report.ToString());
        }
    }

    /// <summary>Loads a library and looks whether it is one of ours.</summary>
    /// <param name="path">The file, or null for the runtime's usual places.</param>
    public static (NativeLoadReport Report, nint Library) Load(string? path)
    {
        Assembly assembly = typeof(Lsk).Assembly;
        string tried = path is null ? $"{Lsk.Library} in the usual places of the .NET runtime" : Path.GetFullPath(path);
        NativeLoadReport Failed(string error, int? abi = null, string? trace = null) => new() { Path = tried, Error = error, Trace = trace, AbiFound = abi };
        nint library;
        try
        {
            library = path is null ? NativeLibrary.Load(Lsk.Library, assembly, null) : NativeLibrary.Load(Path.GetFullPath(path));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return (Failed(Condensed(e.Message), trace: e.Message), 0);
        }
        if (!NativeLibrary.TryGetExport(library, "lsk_abi_version", out nint abiVersion) || !NativeLibrary.TryGetExport(library, "lsk_build_target", out nint buildTarget))
        {
            return (Failed("it loads, but has no function lsk_abi_version or lsk_build_target"), 0);
        }
        int found = AbiOf(abiVersion);
        return found == Lsk.LskAbiVersion
            ? (new NativeLoadReport { Path = tried, AbiFound = found, BuildTarget = TargetOf(buildTarget) }, library)
            : (Failed("it has another ABI", found), 0);
    }

    private static (NativeLoadReport Report, nint Library) LoadAndRegister()
    {
        string? path = PathOverride?.Invoke() ?? Environment.GetEnvironmentVariable(LongSeqNative.PathVariable);
        (NativeLoadReport report, nint library) = Load(string.IsNullOrEmpty(path) ? null : path);
        NativeLibrary.SetDllImportResolver(typeof(Lsk).Assembly, (name, _, _) => name == Lsk.Library ? library : 0);
        if (report.IsLoaded)
        {
            report = Lsk.DeviceCount(out int devices) is var status && status == LskStatus.Ok
                ? report with { DeviceCount = devices }
                : report with { DeviceError = Status.Failure(status).Message };
        }
        return (report, library);
    }

    /// <summary>
    /// The loader lists every name it tried with the system's answer. What is left here is what is not "there is no such file": a missing dependency,
    /// a file of another architecture.
    /// </summary>
    private static string Condensed(string message)
    {
        string[] answers =
            [
                .. message.Split('\n').Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0).Distinct()
                    .Where(line => !line.EndsWith("No such file or directory", StringComparison.Ordinal) || !line.Contains(Lsk.Library, StringComparison.Ordinal)),
            ];
        return answers.Length > 0 ? string.Join("; ", answers) : "no such file";
    }

    private static unsafe int AbiOf(nint export)
    {
        int version = 0;
        int status = ((delegate* unmanaged[Cdecl]<int*, int>)export)(&version);
        return status == (int)LskStatus.Ok ? version : -1;
    }

    private static unsafe string TargetOf(nint export)
    {
        byte* target = null;
        int status = ((delegate* unmanaged[Cdecl]<byte**, int>)export)(&target);
        return status == (int)LskStatus.Ok ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(target)) : "";
    }
}

using System.Runtime.InteropServices;
using System.Text;
using LongSeqKernels.Native;

namespace LongSeqKernels.Interop;

/// <summary>Finds and loads the native library, once per process, and keeps what happened.</summary>
internal static class NativeLoader
{
    /// <summary>What the files of all ABIs are called.</summary>
    private const string FilePrefix = "liblongseqkernels_abi";

    /// <summary>Beside the assembly, where packages put it, and where the system's loader looks; never in the current folder.</summary>
    private const DllImportSearchPath Places = DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory;

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
        string tried = path is null ? $"{Lsk.Library} in the usual places of the .NET runtime" : Path.GetFullPath(path);
        (NativeLoadReport, nint) Failed(string error, string advice, string? trace = null, int? abi = null) =>
            (new() { Path = tried, Error = error, Advice = advice, Trace = trace, AbiFound = abi }, 0);
        if ((path is null ? Beside() : tried) is { } file && NativeFile.Flaw(file) is { } flaw)
        {
            tried = file;
            return Failed(flaw.Error, flaw.Advice);
        }
        string[] others = [.. LoadedFiles.Named(FilePrefix)];
        nint library;
        try
        {
            library = path is null ? NativeLibrary.Load(Lsk.Library, typeof(Lsk).Assembly, Places) : NativeLibrary.Load(tried);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return Condensed(e.Message) is { } answer
                ? Failed(answer, NativeFile.Advice.Dependency, e.Message)
                : Failed("there is no such file", NativeFile.Advice.Missing, e.Message);
        }
        if (!NativeLibrary.TryGetExport(library, "lsk_abi_version", out nint abiVersion) || !NativeLibrary.TryGetExport(library, "lsk_build_target", out nint buildTarget))
        {
            return Failed("it loads, but has no function lsk_abi_version or lsk_build_target", NativeFile.Advice.NotOurs);
        }
        tried = LoadedFiles.Of(abiVersion) ?? tried;
        int found = AbiOf(abiVersion);
        return found == Lsk.LskAbiVersion
            ? (new NativeLoadReport { Path = tried, AbiFound = found, BuildTarget = TargetOf(buildTarget), OtherCopies = [.. others.Except([tried])] }, library)
            : Failed("it has another ABI", NativeFile.Advice.OneVersion, abi: found);
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

    /// <summary>The file where the runtime looks first, if there is one: beside the application, the assembly, or where a package put it.</summary>
    private static string? Beside()
    {
        string places = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return places.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Append(AppContext.BaseDirectory)
            .Select(folder => Path.Combine(folder, $"lib{Lsk.Library}.so"))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>
    /// The loader lists every name it tried with the system's answer. What is left here is what is not "there is no such file": a missing dependency,
    /// an older C library than the file needs. Null where nothing is left.
    /// </summary>
    private static string? Condensed(string message)
    {
        string[] answers =
            [
                .. message.Split('\n').Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0).Distinct()
                    .Where(line => !line.EndsWith("No such file or directory", StringComparison.Ordinal) || !line.Contains(Lsk.Library, StringComparison.Ordinal)),
            ];
        return answers.Length > 0 ? string.Join("; ", answers) : null;
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

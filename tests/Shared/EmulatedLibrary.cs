using System.Diagnostics;
using System.Runtime.CompilerServices;
using LongSeqKernels.Interop;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// The native library whose CUDA kernels run on the CPU, for the tests of this process. It is built when it is first needed (incrementally, by one
/// process at a time); a library that LONGSEQKERNELS_NATIVE_PATH names is used instead, which is how these tests run over the CUDA library on a GPU.
/// </summary>
internal static class EmulatedLibrary
{
    private const string Preset = "emulator";

    /// <summary>Why there is no native library to test here; null when there is one.</summary>
    public static string? WhyMissing { get; } =
        GivenPath is not null ? null
        : RepositoryRoot.Path is null ? $"no {RepositoryRoot.Solution} above {AppContext.BaseDirectory}, and LONGSEQKERNELS_NATIVE_PATH is not set"
        : !OnPath("cmake") ? "CMake is not installed"
        : !OnPath("c++", "g++", "clang++") && Environment.GetEnvironmentVariable("CXX") is null ? "no C++ compiler is installed"
        : !OnPath("make", "ninja") ? "neither make nor ninja is installed"
        : null;

    private static string? GivenPath => Environment.GetEnvironmentVariable(Native.LongSeqNative.PathVariable) is { Length: > 0 } path ? path : null;

    /// <summary>Ends a test that needs the library, by name, where there is none.</summary>
    public static void Require(string suite)
    {
        if (WhyMissing is not null)
        {
            Assert.Ignore($"{suite} was NOT RUN: {WhyMissing}.");
        }
    }

    [ModuleInitializer]
    public static void Register()
    {
        if (WhyMissing is null && GivenPath is null)
        {
            NativeLoader.PathOverride = Build;
        }
    }

    private static string Build()
    {
        string build = Path.Combine(RepositoryRoot.Path!, "build", Preset);
        Directory.CreateDirectory(build);
        using (Lock(build + ".lock"))
        {
            if (!File.Exists(Path.Combine(build, "CMakeCache.txt")))
            {
                Run("--preset", Preset);
            }
            TestContext.Progress.WriteLine("Building the native library with emulated kernels; the first time this takes minutes.");
            Run("--build", build, "--target", "longseqkernels", "--parallel", Environment.ProcessorCount.ToString());
        }
        return Directory.GetFiles(build, $"lib{Lsk.Library}.so", SearchOption.AllDirectories).Single();
    }

    private static FileStream Lock(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                Thread.Sleep(200);
            }
        }
    }

    private static void Run(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("cmake", arguments)
        {
            WorkingDirectory = RepositoryRoot.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"cmake {string.Join(' ', arguments)} failed:\n{Tail(output)}\n{Tail(errors.Result)}");
        }
    }

    private static string Tail(string text) => text.Length <= 4000 ? text : text[^4000..];

    private static bool OnPath(params string[] programs) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => programs.Any(program => File.Exists(Path.Combine(folder, program))));
}

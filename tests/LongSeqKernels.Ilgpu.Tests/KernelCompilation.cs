using System.Diagnostics;
using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Runtime;
using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Compiles the kernels of the backend for devices that this machine need not have.</summary>
internal static class KernelCompilation
{
    /// <summary>The operands of every kernel.</summary>
    public static IEnumerable<Type> Works =>
        from type in typeof(IWork).Assembly.GetTypes() where type.IsValueType && type.IsAssignableTo(typeof(IWork)) select type;

    /// <summary>An ILGPU context as the provider makes it, without its devices.</summary>
    public static Context NewContext() => Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2));

    /// <summary>Compiles the kernel of a work.</summary>
    public static CompiledKernel Compile(ILGPU.Backends.Backend backend, Type work)
    {
        MethodInfo kernel = typeof(WorkKernel).GetMethod(nameof(WorkKernel.Run))!.MakeGenericMethod(work);
        return backend.Compile(EntryPointDescription.FromImplicitlyGroupedKernel(kernel), KernelSpecialization.Empty);
    }

    /// <summary>Hands a text to a compiler, which must accept it.</summary>
    /// <param name="compiler">The compiler's path.</param>
    /// <param name="text">The text.</param>
    /// <param name="extension">Of the file that it goes into.</param>
    /// <param name="arguments">What precedes the file's name.</param>
    public static void AssertAccepts(string compiler, string text, string extension, params IEnumerable<string> arguments)
    {
        string file = Path.Combine(Path.GetTempPath(), $"lsk-{Guid.NewGuid():N}{extension}");
        try
        {
            File.WriteAllText(file, text);
            using Process process = Process.Start(new ProcessStartInfo(compiler, [.. arguments, file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, () => output.Result + errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Where a program is: in the <c>bin</c> of a toolkit that a variable names, or on the PATH; null where it is not.</summary>
    public static string? Find(string program, params IEnumerable<string> toolkitVariables)
    {
        string name = OperatingSystem.IsWindows() ? program + ".exe" : program;
        IEnumerable<string> folders =
        [
            .. from variable in toolkitVariables
               let toolkit = Environment.GetEnvironmentVariable(variable)
               where !string.IsNullOrEmpty(toolkit)
               select Path.Combine(toolkit, "bin"),
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        ];
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}

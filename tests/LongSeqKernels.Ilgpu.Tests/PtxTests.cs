using System.Diagnostics;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using LongSeqKernels.Ilgpu;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Every kernel compiles for a GPU, without one: to PTX of the ISA of CUDA 12.4 for sm_90, and with the toolkit's ptxas to machine code.</summary>
public sealed class PtxTests
{
    private static readonly string? Assembler = FindAssembler();

    private Context _context = null!;
    private PTXBackend _backend = null!;

    private static IEnumerable<Type> Works =>
        from type in typeof(IWork).Assembly.GetTypes() where type.IsValueType && type.IsAssignableTo(typeof(IWork)) select type;

    [OneTimeSetUp]
    public void StartTheBackend()
    {
        _context = Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2));
        _backend = new PTXBackend(_context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_84, nvvmAPI: null!);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }

    [TestCaseSource(nameof(Works))]
    public void KernelCompilesForAGpu(Type work)
    {
        string text = Compile(work);

        Assert.That(text, Does.Contain(".version 8.4").And.Contains(".entry"));
        Assert.That(text, Does.Not.Contain("bar.sync"), "bodies have no barriers");
        Assert.That(text, Does.Not.Contain("atom."), "bodies have no atomics");
    }

    [TestCaseSource(nameof(Works))]
    public void KernelAssembles(Type work)
    {
        if (Assembler is null)
        {
            Assert.Ignore("NOT RUN: there is no ptxas on the PATH, nor below CUDA_PATH or LSK_CUDA_TOOLKIT.");
        }
        string file = Path.Combine(Path.GetTempPath(), $"lsk-{work.Name}-{Environment.ProcessId}.ptx");
        try
        {
            File.WriteAllText(file, Compile(work));
            using var process = Process.Start(new ProcessStartInfo(Assembler!, ["-arch=sm_90", "--output-file", "/dev/null", file]) { RedirectStandardError = true })!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private string Compile(Type work)
    {
        MethodInfo kernel = typeof(WorkKernel).GetMethod(nameof(WorkKernel.Run))!.MakeGenericMethod(work);
        return ((PTXCompiledKernel)_backend.Compile(EntryPointDescription.FromImplicitlyGroupedKernel(kernel), KernelSpecialization.Empty)).PTXAssembly;
    }

    private static string? FindAssembler()
    {
        string name = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        IEnumerable<string> folders =
        [
            .. from variable in new[] { "LSK_CUDA_TOOLKIT", "CUDA_PATH" }
               let toolkit = Environment.GetEnvironmentVariable(variable)
               where !string.IsNullOrEmpty(toolkit)
               select Path.Combine(toolkit, "bin"),
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        ];
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}
